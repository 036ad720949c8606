"""A small document client for tests: raw frames over a WebSocket and a pycrdt document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pycrdt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import read_bytes, read_string, read_uint


class DocClient:
    """Speaks the protocol as a stock client does, and remembers what it heard."""

    def __init__(self, socket: ClientConnection, *, doc: pycrdt.Doc[Any] | None = None) -> None:
        self.socket = socket
        self.doc: pycrdt.Doc[Any] = doc or pycrdt.Doc()
        for name in ("meta", "nodes", "edges", "notes"):
            self.doc.get(name, type=pycrdt.Map)
        self.synced = asyncio.Event()
        self.acked = 0
        self.acked_seq = 0
        self.sent_frames = 0
        self.hello: dict[str, Any] = {}
        self.roles: list[str] = []
        self.changes: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        self.presence: dict[int, dict[str, Any] | None] = {}
        self.presence_clocks: dict[int, int] = {}
        self.close_code: int | None = None
        self.answers_sync = True
        self._outbox: list[bytes] = []
        self._applying = False
        self._subscription = self.doc.observe(self._on_local)
        self._reader: asyncio.Task[None] | None = None

    def _on_local(self, event: pycrdt.TransactionEvent) -> None:
        if not self._applying:
            self._outbox.append(event.update)

    async def start(self) -> None:
        self._reader = asyncio.get_running_loop().create_task(self._read())
        try:
            await self.socket.send(frames.sync_request(self.doc.get_state()))
        except ConnectionClosed:
            await self._reader

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                assert isinstance(message, bytes)
                await self._handle(message)
        except ConnectionClosed:
            pass
        self.close_code = self.socket.close_code
        self.synced.set()

    async def _handle(self, message: bytes) -> None:
        kind, pos = read_uint(message, 0)
        if kind == frames.SYNC:
            step, pos = read_uint(message, pos)
            body, pos = read_bytes(message, pos)
            if step == frames.STEP_1 and self.answers_sync:
                self.sent_frames += 1
                await self.socket.send(frames.sync_answer(self.doc.get_update(body)))
            elif step in (frames.STEP_2, frames.UPDATE):
                self._apply(body)
                if step == frames.STEP_2:
                    self.synced.set()
        elif kind == frames.AWARENESS:
            self._hear_presence(read_bytes(message, pos)[0])
        elif kind == frames.ACKNOWLEDGED:
            self.acked, pos = read_uint(message, pos)
            self.acked_seq, pos = read_uint(message, pos)
        elif kind == frames.ROLE:
            self.roles.append(read_string(message, pos)[0])
        elif kind in (frames.CHANGED, frames.NOTICE, frames.HELLO):
            self._hear_facts(kind, json.loads(read_string(message, pos)[0]))

    def _hear_facts(self, kind: int, facts: dict[str, Any]) -> None:
        if kind == frames.HELLO:
            self.hello = facts
        else:
            (self.changes if kind == frames.CHANGED else self.notices).append(facts)

    def _apply(self, update: bytes) -> None:
        self._applying = True
        try:
            self.doc.apply_update(update)
        finally:
            self._applying = False

    def _hear_presence(self, body: bytes) -> None:
        count, pos = read_uint(body, 0)
        for _ in range(count):
            client, pos = read_uint(body, pos)
            clock, pos = read_uint(body, pos)
            state, pos = read_string(body, pos)
            if clock > self.presence_clocks.get(client, -1):
                self.presence_clocks[client] = clock
                self.presence[client] = json.loads(state)

    def root(self, name: str) -> pycrdt.Map[Any]:
        return self.doc.get(name, type=pycrdt.Map)

    async def put(self, root: str, key: str, value: Any) -> None:
        """Set a key and send the change."""
        self.root(root)[key] = value
        await self.flush()

    async def flush(self) -> None:
        """Send local changes, one frame each."""
        while self._outbox:
            update = self._outbox.pop(0)
            self.sent_frames += 1
            await self.socket.send(frames.sync_update(update))

    async def say_presence(self, state: Any, *, client_id: int | None = None, clock: int = 1) -> None:
        entry = frames.presence_entry(client_id or self.doc.client_id, clock, json.dumps(state))
        await self.socket.send(frames.presence([entry]))

    async def all_acked(self, within_s: float = 90) -> None:
        await until(lambda: self.acked >= self.sent_frames, within_s)

    def content(self) -> dict[str, Any]:
        return {name: self.root(name).to_py() for name in ("meta", "nodes", "edges", "notes")}


async def until(condition: Any, within_s: float = 90) -> None:
    """Wait until ``condition()`` holds."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def joined(
    url: str, headers: dict[str, str], *, doc: pycrdt.Doc[Any] | None = None, synced: bool = True
) -> AsyncIterator[DocClient]:
    """A client in a room, synced unless told otherwise."""
    async with connect(url, additional_headers=headers, max_size=None, compression=None) as socket:
        client = DocClient(socket, doc=doc)
        await client.start()
        if synced:
            async with asyncio.timeout(90):
                await client.synced.wait()
        yield client
