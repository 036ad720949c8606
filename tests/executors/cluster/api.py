"""The API server: HTTP/1.1 over asyncio, one request per connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from lightkube import KubeConfig
from lightkube.config.models import Cluster, User

from tests.executors.cluster.kubelet import Kubelet
from tests.executors.cluster.objects import Object, Objects, Refused, fits

TOKEN = "cluster-token"
_KINDS = {"pods": "Pod", "secrets": "Secret"}


class LocalCluster:
    """An asynchronous context manager; ``config`` is what a client needs to reach it."""

    def __init__(self, *, images: Iterable[str] = ("sage:1",), memory_mb: int = 4096, gpus: int = 0) -> None:
        self.objects = Objects()
        self.kubelet = Kubelet(self.objects, images=frozenset(images), memory_mb=memory_mb, gpus=gpus)
        self.requests: list[str] = []
        self._lives: dict[str, asyncio.Task[None]] = {}
        self._streams: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}
        self._server: asyncio.Server
        self._group: asyncio.TaskGroup

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        self.cut_watches()
        answering = [task for task in self._streams.values() if task is not None]
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        for life in list(self._lives.values()):
            life.cancel()
        await self._group.__aexit__(None, None, None)

    @property
    def config(self) -> KubeConfig:
        return self.config_with(TOKEN)

    def config_with(self, token: str) -> KubeConfig:
        port = self._server.sockets[0].getsockname()[1]
        return KubeConfig.from_one(cluster=Cluster(server=f"http://127.0.0.1:{port}"), user=User(token=token))

    def pods(self) -> list[Object]:
        return self.objects.all("Pod")

    def cut_watches(self) -> None:
        """Break every open connection, as a restarting server does."""
        for stream in self._streams:
            stream.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._streams[writer] = asyncio.current_task()
        try:
            method, target, headers, body = await _read_request(reader)
            self.requests.append(f"{method} {target.split('?')[0]}")
            try:
                _check(headers)
                await self._answer(writer, method, target, body)
            except Refused as refused:
                _write(writer, refused.code, refused.to_json())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client is gone, or the server closes
        finally:
            self._streams.pop(writer, None)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, target: str, body: bytes) -> None:
        split = urlsplit(target)
        query = dict(parse_qsl(split.query))
        match split.path.strip("/").split("/"):
            case ["api", "v1", "namespaces", namespace, plural] if plural in _KINDS:
                kind = _KINDS[plural]
                if method == "POST":
                    _write(writer, 201, await self._create(kind, namespace, json.loads(body)))
                elif query.get("watch") in ("true", "True", "1"):
                    await self._watch(writer, kind, namespace, query)
                else:
                    _write(writer, 200, self._list(kind, namespace, query))
            case ["api", "v1", "namespaces", namespace, plural, name] if plural in _KINDS:
                await self._one(writer, method, _KINDS[plural], namespace, name)
            case ["api", "v1", "namespaces", namespace, "pods", name, "log"]:
                self.objects.get("Pod", namespace, name)
                lines = self.kubelet.log_of(name).splitlines(keepends=True)
                _write(writer, 200, "".join(lines[-int(query.get("tailLines", len(lines) or 1)) :]))
            case _:
                raise Refused(404, "NotFound", f"the server could not find {split.path}")

    async def _create(self, kind: str, namespace: str, given: Object) -> Object:
        created = await self.objects.create(kind, namespace, given)
        if kind == "Pod":
            life = self._group.create_task(self.kubelet.run(created))
            self._lives[created["metadata"]["name"]] = life
        return created

    def _list(self, kind: str, namespace: str, query: dict[str, str]) -> Object:
        items = [
            held
            for held in self.objects.all(kind)
            if held["metadata"]["namespace"] == namespace and fits(held, query)
        ]
        metadata = {"resourceVersion": str(self.objects.version)}
        return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": items}

    async def _one(
        self, writer: asyncio.StreamWriter, method: str, kind: str, namespace: str, name: str
    ) -> None:
        if method == "DELETE":
            held = await self.objects.delete(kind, namespace, name)
            if life := self._lives.pop(name, None):
                life.cancel()
        else:
            held = self.objects.get(kind, namespace, name)
        _write(writer, 200, held)

    async def _watch(
        self, writer: asyncio.StreamWriter, kind: str, namespace: str, query: dict[str, str]
    ) -> None:
        writer.write(_head(200, "application/json", "Transfer-Encoding: chunked"))
        since = int(query.get("resourceVersion") or self.objects.version)
        changes: AsyncIterator[Object] = self.objects.changes(
            kind, namespace, since, lambda held: fits(held, query)
        )
        async for change in changes:
            line = json.dumps(change).encode() + b"\n"
            writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
            await writer.drain()
            if writer.is_closing():
                return
        writer.write(b"0\r\n\r\n")


def _check(headers: dict[str, str]) -> None:
    if headers.get("authorization") != f"Bearer {TOKEN}":
        raise Refused(401, "Unauthorized", "Unauthorized")


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return method, target, headers, body


def _head(code: int, kind: str, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {code} .", f"Content-Type: {kind}", "Connection: close", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _write(writer: asyncio.StreamWriter, code: int, what: Object | str) -> None:
    content = what.encode() if isinstance(what, str) else json.dumps(what).encode()
    kind = "text/plain" if isinstance(what, str) else "application/json"
    with suppress(ConnectionError):
        writer.write(_head(code, kind, f"Content-Length: {len(content)}") + content)
