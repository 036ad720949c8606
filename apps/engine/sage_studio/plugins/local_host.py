"""The host of runs without a server: the command line's, and the tests' of nodes.

Files are read from paths of this machine and written into a folder; vectors, state and notices
live in memory. Credentials come from the environment (see ``local_vault``).
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self, TextIO

import numpy as np

from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.engine import Allowance, MemoryRunStore, NodeCache, Plan, compile_flow, run_flow
from sage_studio.flow import parse
from sage_studio.flow.document import Budget
from sage_studio.flow.firing import fired_node, only_fired
from sage_studio.kernel import Json, JsonObject, define_error, json_object, new_id
from sage_studio.plugins.host_http import HostHttp
from sage_studio.plugins.local_vault import LocalVault
from sage_studio.plugins.model_prices import listed_price
from sage_studio.plugins.models.client import Models
from sage_studio.plugins.registry import builtin_registry
from sage_studio.plugins.samples import PREFIX as SAMPLE, sample_bytes
from sage_studio.plugins.support.search import VectorIndex
from sage_studio.sdk import FileRef, NodeError, Price, StateScope, VectorHit
from sage_studio.sdk.money import minor_to_micros

NO_FILE = define_error(
    "local.no_file",
    3251,
    en="The file “{name}” cannot be read: {reason}.",
    zh="无法读取文件“{name}”：{reason}。",
    hint_en="Give a path of this machine, or sample:<name>.",
    hint_zh="请提供本机路径，或使用 sample:<名称>。",
    status=404,
)
MODEL_DIFFERS = define_error(
    "local.model_differs",
    3253,
    en="The collection “{collection}” was written with {stored}, not with {given}.",
    zh="集合“{collection}”使用 {stored} 写入，而不是 {given}。",
    status=409,
)
PATH_REF = "path:"
_CHILD_THREADS = 4


class LocalFiles:
    """Reads ``path:`` and ``sample:`` references; writes into one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, file: FileRef) -> bytes:
        if file["ref"].startswith(SAMPLE):
            return sample_bytes(file["ref"].removeprefix(SAMPLE))
        path = Path(file["ref"].removeprefix(PATH_REF))
        try:
            return await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise NodeError(NO_FILE, {"name": str(path), "reason": error.strerror or "it fails"}) from error

    async def stream(self, file: FileRef, *, chunk_bytes: int = 1 << 20) -> AsyncIterator[bytes]:
        if file["ref"].startswith(SAMPLE):
            content = await self.read(file)
            for start in range(0, len(content), chunk_bytes):
                yield content[start : start + chunk_bytes]
            return
        path = Path(file["ref"].removeprefix(PATH_REF))
        try:
            source = await asyncio.to_thread(path.open, "rb")
        except OSError as error:
            raise NodeError(NO_FILE, {"name": str(path), "reason": error.strerror or "it fails"}) from error
        with source:
            while chunk := await asyncio.to_thread(source.read, chunk_bytes):
                yield chunk

    async def write(self, name: str, mime: str, content: bytes | AsyncIterator[bytes]) -> FileRef:
        target = self._folder / Path(name).name
        size_bytes = 0
        with _Draft(target) as draft:
            if isinstance(content, bytes):
                size_bytes = await asyncio.to_thread(draft.write, content)
            else:
                async for chunk in content:
                    size_bytes += await asyncio.to_thread(draft.write, chunk)
            await asyncio.to_thread(draft.place)
        kind = mime or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return FileRef(name=target.name, mime=kind, size_bytes=size_bytes, ref=f"{PATH_REF}{target}")


class _Draft:
    """A file that is not there until it is whole; what is not placed is removed."""

    def __init__(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._target = target
        self._file = tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False)  # noqa: SIM115 - closed by __exit__

    def write(self, content: bytes) -> int:
        return self._file.write(content)

    def place(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        Path(self._file.name).replace(self._target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


def _write_atomically(target: Path, content: bytes) -> None:
    with _Draft(target) as draft:
        draft.write(content)
        draft.place()


class LocalBlobs:
    """Values by their hash, in a folder that is made when first needed."""

    def __init__(self) -> None:
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def _folder(self) -> Path:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="sage-studio-")
        return Path(self._scratch.name)

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    async def put(self, content: bytes, *, mime: str = "application/octet-stream") -> str:
        digest = hashlib.sha256(content).hexdigest()
        await asyncio.to_thread(_write_atomically, self._folder / digest, content)
        return f"sha256:{digest}"

    async def get(self, key: str) -> bytes:
        digest = key.removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise NodeError(NO_FILE, {"name": key[:80], "reason": "it is not a key"})
        try:
            return await asyncio.to_thread((self._folder / digest).read_bytes)
        except OSError as error:
            raise NodeError(NO_FILE, {"name": key, "reason": "it is gone"}) from error


@dataclass(slots=True)
class _Collection:
    model: str
    entries: dict[str, tuple[Sequence[float], str, JsonObject]]


class LocalVectors:
    """Collections in memory; they end with the process."""

    def __init__(self) -> None:
        self._collections: dict[str, _Collection] = {}

    async def upsert(
        self,
        collection: str,
        ids: Sequence[str],
        vectors: Sequence[Sequence[float]],
        texts: Sequence[str],
        metadatas: Sequence[JsonObject],
        *,
        model: str,
        replace: bool = False,
    ) -> int:
        held = self._collections.get(collection)
        if held is None or replace or not held.entries:
            held = self._collections[collection] = _Collection(model, {})
        elif held.model != model:
            facts: dict[str, Json] = {"collection": collection, "stored": held.model, "given": model}
            raise NodeError(MODEL_DIFFERS, facts)
        held.entries.update(zip(ids, zip(vectors, texts, metadatas, strict=True), strict=True))
        return len(held.entries)

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        query: str,
        *,
        top_k: int,
        mode: str = "hybrid",
        where: JsonObject | None = None,
    ) -> list[VectorHit]:
        held = self._collections.get(collection)
        if held is None or not held.entries:
            return []
        index = await asyncio.to_thread(_index, held.entries)
        return await asyncio.to_thread(index.search, vector, query, top_k=top_k, mode=mode, where=where)

    async def model(self, collection: str) -> str | None:
        held = self._collections.get(collection)
        return held.model if held is not None and held.entries else None


def _index(entries: Mapping[str, tuple[Sequence[float], str, JsonObject]]) -> VectorIndex:
    values = list(entries.values())
    matrix = np.array([entry[0] for entry in values], dtype=np.float32)
    return VectorIndex(list(entries), [entry[1] for entry in values], [entry[2] for entry in values], matrix)


class PrintingNotifier:
    """Writes notices to a stream, each key once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told: set[str] = set()

    async def notify(
        self, *, title: str, body: str, level: str = "info", link: str = "", key: str = ""
    ) -> None:
        if key and key in self._told:
            return
        self._told.add(key)
        self._out.write(f"[{level}] {title}\n" + (f"{body}\n" if body else ""))
        self._out.flush()


class MemoryState:
    """``ctx.state`` until the process ends."""

    def __init__(self) -> None:
        self._values: dict[tuple[StateScope, str], Json] = {}

    async def get(self, key: str, default: Json = None, *, scope: StateScope = "flow") -> Json:
        return self._values.get((scope, key), default)

    async def set(self, key: str, value: Json, *, scope: StateScope = "flow") -> None:
        self._values[scope, key] = value


class LocalHost:
    """A host without a server; a context manager.

    ``folder`` receives written files (default: the working folder).
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
        out: TextIO | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self._states: dict[str, MemoryState] = {}
        self._children: dict[str, asyncio.Task[None]] = {}
        self.cache: NodeCache | None = None
        self.secrets_seen: set[str] = set()
        instance_url = self._environ.get("SAGE_BASE_URL") or "http://127.0.0.1:8080"
        ranges = self._environ.get("SAGE_ALLOW_PRIVATE_NETWORK", "").split(",")
        policy = EgressPolicy(
            networks=tuple(ip_network(text.strip()) for text in ranges if text.strip()),
            urls=frozenset({f"{instance_url.rstrip('/')}/healthz"}),
        )
        self.files = LocalFiles(folder or Path.cwd())
        self.blobs = LocalBlobs()
        self.vectors = LocalVectors()
        self.notifier = PrintingNotifier(out or sys.stdout)
        self._vault = LocalVault(self._environ, self.secrets_seen)
        self.http = HostHttp(GuardedClient(policy), self._vault, instance_url)
        self.llm = Models(
            api_key=self._environ.get("ANTHROPIC_API_KEY", ""),
            address=self._environ.get("ANTHROPIC_BASE_URL", ""),
            policy=policy,
            credentials=self.credential,
        )

    def state(self, flow_id: str) -> MemoryState:
        return self._states.setdefault(flow_id, MemoryState())

    def close(self) -> None:
        """Remove what was kept beside the run."""
        self.blobs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def price(self, model: str) -> Price | None:
        return listed_price(model)

    async def allowances(self, budget: Budget | None) -> list[Allowance]:
        """The flow's own: what other flows that it runs have spent is added when they have ended."""
        if budget is None:
            return []
        return [Allowance(minor_to_micros(budget.amount, budget.currency), budget.currency)]

    async def start_flow(
        self,
        ref: str,
        inputs: Mapping[str, Any],
        *,
        version: str,
        key: str,
        deliver: Callable[[Json], None],
    ) -> str:
        """Run the flow in the file ``ref`` beside this one. Raises NodeError when it cannot be read, and
        SageError when it is no flow."""
        types = builtin_registry()
        document = parse(await self._flow_text(ref))
        plan = compile_flow(only_fired(document, types, fired_node(inputs)), types)
        child_id = new_id()
        child = asyncio.create_task(  # noqa: TID251 - ends with the parent's wait for it
            self._run_child(plan, child_id, inputs, deliver)
        )
        self._children[child_id] = child
        return child_id

    async def cancel_flow(self, child_id: str, *, is_let_go: bool) -> None:
        """Let go or not: nobody takes up a run of this process."""
        if (child := self._children.pop(child_id, None)) is not None:
            child.cancel()

    async def _flow_text(self, ref: str) -> bytes:
        name = ref if ref.startswith((SAMPLE, PATH_REF)) else f"{PATH_REF}{ref}"
        return await self.files.read(FileRef(name=ref, mime="application/json", size_bytes=0, ref=name))

    async def _run_child(
        self, plan: Plan, child_id: str, inputs: Mapping[str, Any], deliver: Callable[[Json], None]
    ) -> None:
        with ThreadPoolExecutor(_CHILD_THREADS) as threads:
            result = await run_flow(
                plan, run_id=child_id, inputs=inputs, store=MemoryRunStore(), host=self, threads=threads
            )
        answer: JsonObject = {"run_id": child_id, "state": result.state.value}
        answer["outputs"] = dict(result.outputs)
        answer["cost"] = {"micros": result.cost_micros, "currency": result.currency}
        answer["error"] = None if result.error is None else json_object(result.error)
        deliver(answer)

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        """Raises NodeError ``local.no_credential``."""
        return await self._vault.credential(name, host=host, port=port)
