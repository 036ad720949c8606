"""One scripted person with a document of its own: edits, is acknowledged, falls, comes back.

Most keep their document over a fall, as a browser does, and give back what was not acknowledged; some
forget it, so that what they wrote is only where the product has put it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pycrdt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from apps.collaboration.rooms.socket import Close
from apps.collaboration.wire import frames
from apps.collaboration.wire.frames import read_state_vector
from apps.collaboration.wire.varints import read_bytes, read_string, read_uint
from infra.chaos.rooms.book import GONE, LOG, Book, Claim, state_of

KEYS = 30
SHARED_TEXT = "shared text"
LOG_LENGTH = 200
_FALLS = (ConnectionClosed, InvalidHandshake, InvalidMessage, OSError, EOFError, TimeoutError)


@dataclass
class Editor:
    """``run`` until cancelled. ``addresses`` gives the sockets it may use; ``pause_s`` is its pace."""

    name: str
    dice: Random
    addresses: Callable[[], list[str]]
    headers: Mapping[str, str]
    book: Book
    pause_s: float
    forgets: bool
    may_write: asyncio.Event
    doc: pycrdt.Doc[Any] = field(default_factory=pycrdt.Doc)
    epoch: int = 0
    falls: int = 0
    refused: list[int] = field(default_factory=list)
    is_synced: bool = False
    _sent: int = 0
    _open: deque[tuple[int, Claim]] = field(default_factory=deque)
    _held: dict[str, int] = field(default_factory=dict)
    """Key → number of its newest write, for those not acknowledged yet."""
    _has_held: bool = True
    """Whether the document has what is held: not when it is the first of a new epoch."""
    _changes: list[bytes] = field(default_factory=list)
    _watching: Any = None

    def __post_init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.doc = pycrdt.Doc()
        self._watching = self.doc.observe(lambda event: self._changes.append(event.update))

    @property
    def is_settled(self) -> bool:
        """Everything it has written is acknowledged."""
        return self.is_synced and not self._open and not self._held

    def seen(self) -> dict[int, int]:
        """How far it knows every client but itself: all of it came from the product."""
        clocks = read_state_vector(self.doc.get_state())
        clocks.pop(self.doc.client_id, None)
        return clocks

    def __str__(self) -> str:
        open_frames = [number for number, _ in self._open]
        return f"{self.name} (synced: {self.is_synced}, frames {open_frames}, keys {list(self._held)})"

    async def run(self) -> None:
        while True:
            with suppress(*_FALLS):
                async with asyncio.timeout(20):
                    socket = await self._connect()
                await self._attend(socket)
            self.falls += 1
            self.is_synced = False
            self._open.clear()
            if self.forgets:
                self._begin_anew()
                self._held.clear()
            await asyncio.sleep(self.dice.uniform(0.02, 0.3))

    async def _connect(self) -> ClientConnection:
        query = f"?ext=1&epoch={self.epoch}" if self.epoch else "?ext=1"
        address = self.dice.choice(self.addresses()) + query
        return await connect(
            address, additional_headers=self.headers, max_size=None, compression=None, ping_interval=None
        )

    async def _attend(self, socket: ClientConnection) -> None:
        self._sent = 0
        try:
            await socket.send(frames.sync_request(self.doc.get_state()))
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(self._write(socket))
                try:
                    async for message in socket:
                        assert isinstance(message, bytes)
                        await self._hear(socket, message)
                finally:
                    writing.cancel()
        except* _FALLS:
            pass
        finally:
            self._closed(socket.close_code)
            with suppress(*_FALLS):
                await socket.close()

    def _closed(self, code: int | None) -> None:
        if code == Close.STALE_EPOCH:
            self._change_epoch()
        elif code is not None and 4400 <= code < 4500:
            self.refused.append(code)

    def _change_epoch(self) -> None:
        """Begin with a fresh document and write again what was never acknowledged."""
        self._begin_anew()
        self.epoch = 0
        self._has_held = False

    async def _hear(self, socket: ClientConnection, message: bytes) -> None:
        kind, pos = read_uint(message, 0)
        if kind == frames.SYNC:
            step, pos = read_uint(message, pos)
            body, pos = read_bytes(message, pos)
            if step == frames.STEP_1:
                held = dict(self._held) if self._has_held else {}
                await self._send(socket, frames.sync_answer(self.doc.get_update(body)), held)
            else:
                self.doc.apply_update(body)
                if step == frames.STEP_2 and not self.is_synced:
                    await self._write_again(socket)
                    self.is_synced = True
        elif kind == frames.ACKNOWLEDGED:
            total, _ = read_uint(message, pos)
            while self._open and self._open[0][0] <= total:
                self._acknowledged(self._open.popleft()[1])
        elif kind == frames.HELLO:
            epoch = int(_facts(message, pos)["epoch"])
            if self.epoch not in (0, epoch):
                self._change_epoch()
            self.epoch = epoch

    def _acknowledged(self, claim: Claim) -> None:
        self.book.promise(claim)
        for key, number in claim.keys.items():
            if self._held.get(key, -1) <= number:
                self._held.pop(key, None)

    async def _send(self, socket: ClientConnection, frame: bytes, keys: Mapping[str, int]) -> None:
        self._sent += 1
        clock = read_state_vector(self.doc.get_state()).get(self.doc.client_id, 0)
        self._open.append((self._sent, Claim(self.epoch, self.doc.client_id, clock, keys)))
        await socket.send(frame)

    async def _write_again(self, socket: ClientConnection) -> None:
        """What a document of a former epoch held is written as new changes, before anything else is. What the
        new document shows already is on disk: its acknowledgement alone was lost."""
        is_new, self._has_held = not self._has_held, True
        notes = self._notes().to_py() or {}
        for key, number in list(self._held.items()):
            value = self.book.writes[key][number]
            if state_of(key, notes, {}) != value:
                await self._change(socket, {key: number}, partial(self._put, key, value))
            elif is_new:
                self._acknowledged(Claim(0, 0, 0, {key: number}))

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(self.pause_s * self.dice.uniform(0.3, 1.7))
            await self.may_write.wait()
            if not self.is_synced:
                continue
            chance = self.dice.random()
            if chance < 0.2:
                await self._change(socket, {}, self._type)
            else:
                key = LOG + self.name if chance < 0.3 else f"{self.name}.{self.dice.randrange(KEYS)}"
                may_go = chance >= 0.3 and self._notes().get(key) is not None
                is_removal = may_go and self.dice.random() < 0.15
                value = GONE if is_removal else len(self.book.writes[key]) + 1
                number = self.book.write(key, value)
                self._held[key] = number
                await self._change(socket, {key: number}, partial(self._put, key, value))

    async def _change(
        self, socket: ClientConnection, keys: Mapping[str, int], work: Callable[[], None]
    ) -> None:
        self._changes.clear()
        with self.doc.transaction():
            work()
        if self._changes:
            await self._send(socket, frames.sync_update(self._changes.pop()), keys)

    def _notes(self) -> pycrdt.Map[Any]:
        notes: pycrdt.Map[Any] = self.doc.get("notes", type=pycrdt.Map)
        return notes

    def _put(self, key: str, value: int | None) -> None:
        notes = self._notes()
        if key.startswith(LOG):
            self._log(key, f"{value} ")
        elif value is not GONE:
            notes[key] = value
        elif key in notes:
            del notes[key]

    def _log(self, key: str, word: str) -> None:
        """A word more in a text of one's own; the oldest go when there are many."""
        notes = self._notes()
        text = notes.get(key)
        if not isinstance(text, pycrdt.Text):
            notes[key] = pycrdt.Text(word)
            return
        text += word
        if len(text) > LOG_LENGTH:
            del text[0 : LOG_LENGTH // 2]

    def _type(self) -> None:
        """A character somewhere in a text that everybody writes; now and then a piece is taken out."""
        notes = self._notes()
        text = notes.get(SHARED_TEXT)
        if not isinstance(text, pycrdt.Text):
            notes[SHARED_TEXT] = pycrdt.Text(self.name)
            return
        length = len(str(text))
        if length > 400:
            del text[0:100]
        else:
            text.insert(self.dice.randint(0, length), self.dice.choice("abcdefgh "))


def _facts(message: bytes, pos: int) -> dict[str, Any]:
    """The JSON in a frame of our own."""
    facts = json.loads(read_string(message, pos)[0])
    assert isinstance(facts, dict)
    return facts
