"""What the server supplies to the nodes of a run: its workspace's files, vectors, credentials and
notices, the guarded way out, and the model the operator configured.

Everything is reached through the workspace's id that the run was accepted with, so a node cannot
name anything of another workspace. Database and disk work happens in a few threads of this module.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from apps.executions import errors
from apps.executions.adapters.calls import Call
from apps.executions.adapters.codec import decode, encode_outputs, plain_json
from apps.executions.adapters.vault import WorkspaceVault
from apps.executions.budgets import model_price, run_allowances, run_spent
from apps.executions.services import cached_node_get, cached_node_put, child_start, children_cancel
from apps.files import selectors as files_read, services as files
from apps.files.models import File
from apps.notifications.services import notify_workspace
from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.engine import Allowance
from sage_studio.flow.document import Budget
from sage_studio.kernel import Json, JsonObject, SageError, Text
from sage_studio.plugins.host_http import HostHttp
from sage_studio.plugins.models.client import Models
from sage_studio.sdk import FileRef, Price, StateScope, VectorHit

logger = structlog.get_logger(__name__)
T = TypeVar("T")
HEALTH_PATH = "/healthz"
# Longer than a worker keeps its runs without a database (WorkerTimes.give_up_s).
PATIENCE_S = 40.0
PAUSE_S = 0.25
_THREADS = 4
_executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="run-host")


def _with_fresh_connection(work: Callable[[], T]) -> T:
    """A database that is away is no node's fault: the work is tried again until the run itself is let
    go. All of it may be done twice: it reads, sets, or carries a key."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        close_old_connections()
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            logger.warning("host_call_retried", error=type(error).__name__)
            time.sleep(PAUSE_S)
        finally:
            close_old_connections()


async def in_database_thread(work: Callable[[], T]) -> T:
    """Run ``work`` in one of this module's threads, with a live database connection."""
    return await asyncio.get_running_loop().run_in_executor(_executor, _with_fresh_connection, work)


class WorkspaceFiles:
    """``ctx.files``: uploads, files of runs and samples; what is written belongs to the run."""

    def __init__(self, workspace_id: uuid.UUID, run_id: uuid.UUID, call: Call) -> None:
        self._workspace_id, self._run_id, self._call = workspace_id, run_id, call

    async def read(self, file: FileRef) -> bytes:
        return await self._call(lambda: files_read.file_read(self._workspace_id, file))

    async def stream(self, file: FileRef, *, chunk_bytes: int = 1 << 20) -> AsyncIterator[bytes]:
        chunks = await self._call(lambda: files_read.file_stream(self._workspace_id, file, chunk_bytes))
        while chunk := await self._call(lambda: next(chunks, b"")):
            yield chunk

    async def write(self, name: str, mime: str, content: bytes | AsyncIterator[bytes]) -> FileRef:
        with await self._call(files.Draft) as draft:
            if isinstance(content, bytes):
                await self._call(lambda: draft.write(content))
            else:
                async for chunk in content:
                    await self._call(partial(draft.write, chunk))
            file = await self._call(lambda: self._keep(name, mime, draft))
        return FileRef(name=file.name, mime=file.mime, size_bytes=file.size_bytes, ref=file.ref)

    def _keep(self, name: str, mime: str, draft: files.Draft) -> File:
        return files.artifact_write(
            self._workspace_id, run_id=self._run_id, name=name, mime=mime, draft=draft
        )


class WorkspaceBlobs:
    """``ctx.blobs``."""

    def __init__(self, workspace_id: uuid.UUID, call: Call) -> None:
        self._workspace_id, self._call = workspace_id, call

    async def put(self, content: bytes, *, mime: str = "application/octet-stream") -> str:
        return await self._call(lambda: files.blob_put(self._workspace_id, content, mime))

    async def get(self, key: str) -> bytes:
        return await self._call(lambda: files_read.blob_get(self._workspace_id, key))


class WorkspaceVectors:
    """``ctx.vectors``."""

    def __init__(self, workspace_id: uuid.UUID, call: Call) -> None:
        self._workspace_id, self._call = workspace_id, call

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
        return await self._call(
            lambda: files.vectors_upsert(
                self._workspace_id,
                collection,
                ids=ids,
                vectors=vectors,
                texts=texts,
                metadatas=metadatas,
                model=model,
                replace=replace,
            )
        )

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
        return await self._call(
            lambda: files.vectors_search(
                self._workspace_id, collection, vector, query, top_k=top_k, mode=mode, where=where
            )
        )

    async def model(self, collection: str) -> str | None:
        return await self._call(lambda: files.vector_model(self._workspace_id, collection))


class WorkspaceNotifier:
    """``ctx.notifier``: tells every member, with a link to the run."""

    def __init__(self, workspace_id: uuid.UUID, run_id: uuid.UUID, call: Call) -> None:
        self._workspace_id, self._run_id, self._call = workspace_id, run_id, call

    async def notify(
        self, *, title: str, body: str, level: str = "info", link: str = "", key: str = ""
    ) -> None:
        target = link if link.startswith("/") and not link.startswith("//") else ""
        await self._call(
            lambda: notify_workspace(
                self._workspace_id,
                kind=f"flow.{level}",
                title=Text(en=title, zh=title),
                body=Text(en=body, zh=body),
                link=target or f"/w/{self._workspace_id}/runs/{self._run_id}",
                dedupe_key=key or None,
            )
        )


class KeptValues:
    """``ctx.state``: what the run, the flow or the workspace keeps."""

    def __init__(self, workspace_id: uuid.UUID, flow_id: uuid.UUID, run_id: uuid.UUID, call: Call) -> None:
        self._workspace_id, self._call = workspace_id, call
        self._owners: Mapping[StateScope, uuid.UUID] = {
            "run": run_id, "flow": flow_id, "workspace": workspace_id,
        }  # fmt: skip

    async def get(self, key: str, default: Json = None, *, scope: StateScope = "flow") -> Json:
        owner = self._owners[scope]
        return await self._call(lambda: files.kept_value_get(self._workspace_id, owner, key, default))

    async def set(self, key: str, value: Json, *, scope: StateScope = "flow") -> None:
        owner = self._owners[scope]
        await self._call(lambda: files.kept_value_set(self._workspace_id, owner, key, value))


class WorkspaceCache:
    """Outputs of nodes without effects, kept for all runs of the workspace."""

    def __init__(self, workspace_id: uuid.UUID, call: Call) -> None:
        self._workspace_id, self._call = workspace_id, call

    async def get(self, key: str) -> Mapping[str, Any] | None:
        return await self._call(partial(self._read, key))

    def _read(self, key: str) -> Mapping[str, Any] | None:
        kept = cached_node_get(self._workspace_id, key)
        try:
            return (
                None
                if kept is None
                else {port: decode(value, self._get_blob) for port, value in kept.items()}
            )
        except SageError:  # a big value is gone: as good as not kept
            return None

    async def put(self, key: str, outputs: Mapping[str, Any]) -> None:
        await self._call(partial(self._write, key, outputs))

    def _write(self, key: str, outputs: Mapping[str, Any]) -> None:
        blobs_bytes = 0

        def put_blob(content: bytes, mime: str) -> str:
            nonlocal blobs_bytes
            blobs_bytes += len(content)
            return files.blob_put(self._workspace_id, content, mime)

        text = encode_outputs(outputs, put_blob)
        cached_node_put(self._workspace_id, key, json.loads(text), len(text) + blobs_bytes)

    def _get_blob(self, key: str) -> bytes:
        return files_read.blob_get(self._workspace_id, key)


class DjangoHost:
    """Implements ``sage_studio.engine.Host`` for one run. ``fence`` is that of its worker's claim: only
    who holds the run may start others for it. A run without a budget that nobody started (``is_child``)
    asks the rows nothing about budgets."""

    def __init__(
        self,
        *,
        workspace_id: uuid.UUID,
        flow_id: uuid.UUID,
        run_id: uuid.UUID,
        fence: int,
        is_child: bool = True,
        call: Call = in_database_thread,
    ) -> None:
        self._workspace_id, self._run_id, self._call = workspace_id, run_id, call
        self._fence = fence
        self._is_child = is_child
        self._prices: dict[str, Price | None] = {}
        self.secrets_seen: set[str] = set()
        self.files = WorkspaceFiles(workspace_id, run_id, call)
        self.blobs = WorkspaceBlobs(workspace_id, call)
        self.vectors = WorkspaceVectors(workspace_id, call)
        self.notifier = WorkspaceNotifier(workspace_id, run_id, call)
        self.cache = WorkspaceCache(workspace_id, call)
        policy = _policy()
        client = GuardedClient(policy)
        self._vault = WorkspaceVault(workspace_id, run_id, call=call, client=client, seen=self.secrets_seen)
        self.http = HostHttp(client, self._vault, settings.CONFIG.address)
        self.llm = Models(
            api_key=settings.ANTHROPIC_API_KEY,
            address=settings.ANTHROPIC_BASE_URL,
            policy=policy,
            credentials=self.credential,
        )

    def state(self, flow_id: str) -> KeptValues:
        return KeptValues(self._workspace_id, uuid.UUID(flow_id), self._run_id, self._call)

    async def price(self, model: str) -> Price | None:
        """The workspace's own price, else the listed one; asked once per model and run."""
        if model not in self._prices:
            self._prices[model] = await self._call(partial(model_price, self._workspace_id, model))
        return self._prices[model]

    async def allowances(self, budget: Budget | None) -> Sequence[Allowance]:
        """The budgets of this run, as raised, and of those above it; one read of the rows each time."""
        if budget is None and not self._is_child:
            return ()
        return await self._call(partial(run_allowances, self._run_id))

    async def spent(self) -> int:
        """What is on record of this run's own spending, for whoever does not hold the run."""
        return await self._call(partial(run_spent, self._run_id))

    async def start_flow(
        self,
        ref: str,
        inputs: Mapping[str, Any],
        *,
        version: str,
        key: str,
        deliver: Callable[[Json], None],
    ) -> str:
        """Start a child run, once per ``key``; its end is the signal of that key.

        When the parent has been stopped or taken over, its worker is about to hear of that and to end this
        node. A refusal would be faster sometimes, and a run that was cancelled would have failed instead.
        """
        given = plain_json(inputs)
        while True:
            try:
                started = await self._call(
                    lambda: child_start(
                        parent_id=self._run_id,
                        fence=self._fence,
                        key=key,
                        flow_ref=ref,
                        version=version,
                        inputs=given,
                    )
                )
            except SageError as error:
                if error.code is not errors.PARENT_STOPPED:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                return str(started)

    async def cancel_flow(self, child_id: str, *, is_let_go: bool) -> None:
        """Ask a child to end, and those it started; not when another worker takes up the run."""
        if not is_let_go:
            await self._call(lambda: children_cancel(uuid.UUID(child_id), self._run_id, self._fence))

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        """The fields of a credential toward a host it allows. Raises SageError ``credential.*``."""
        return await self._vault.credential(name, host=host, port=port)


def _policy() -> EgressPolicy:
    """Public addresses, the ranges the operator opened, and this instance's own health route."""
    own = f"{settings.CONFIG.address}{HEALTH_PATH}"
    return EgressPolicy(networks=tuple(settings.ALLOW_PRIVATE_NETWORK), urls=frozenset({own}))
