"""Bounded channels: one producer, any number of readers, back-pressure, marks between the items.

Items travel in chunks, so that asyncio's cost is paid once per chunk. Every reader has a queue of
its own; a producer waits while any open reader's queue is full, and learns when nobody reads any
more. Barriers travel between the chunks and take no room.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

CAPACITY = 4_096
"""Items a queue takes before its producer waits; the chunk that passes the line is still taken."""


class Barrier(NamedTuple):
    """A cut through all streams of a pipeline: checkpoint ``number`` holds what came before it.

    After the ``is_last`` one nothing more is read: the pipeline stops and can go on from there.
    """

    number: int
    is_last: bool = False


class End:
    """The end of a stream."""


END = End()
Entry: TypeAlias = Sequence[Any] | Barrier | End


class Watch:
    """Who of a pipeline waits for whom. Told of every wait, it finds the moment when all wait for
    each other; see ``pipeline``."""

    def blocked(self, lane: Lane, *, writing: bool) -> None:
        """The producer (``writing``) or the reader of a lane is about to wait."""

    def freed(self, lane: Lane, *, writing: bool) -> None:
        """It goes on."""


class Lane:
    """One reader's queue of a channel. With a ``worker`` there is no queue: it takes each chunk at once."""

    def __init__(self, channel: Channel, port: str, capacity: int = CAPACITY) -> None:
        self.channel = channel
        self.port = port
        self.capacity = capacity
        self.is_closed = False
        self.reader_id = ""
        self.worker: Callable[[Sequence[Any]], Awaitable[None]] | None = None
        self._queue: deque[Entry] = deque()
        self._held = 0
        self._is_lifted = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def is_full(self) -> bool:
        return self._held >= self.capacity and not self.is_closed and not self._is_lifted

    @property
    def is_ended(self) -> bool:
        """Nothing is queued and nothing will come."""
        return self.is_closed or (len(self._queue) == 1 and self._queue[0] is END)

    def put(self, entry: Entry) -> None:
        """Append without asking for room."""
        if self.is_closed:
            return
        self._queue.append(entry)
        if not isinstance(entry, (Barrier, End)):
            self._held += len(entry)
        self.nudge()

    def nudge(self) -> None:
        """Make whoever waits for this lane look again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def peek(self) -> Entry | None:
        """What comes next, or None while the queue is empty."""
        return self._queue[0] if self._queue else None

    def drop(self) -> None:
        """Take the next entry off the queue. The end stays, so that it can be read again."""
        entry = self._queue[0]
        if entry is END:
            return
        self._queue.popleft()
        if not isinstance(entry, (Barrier, End)):
            self._held -= len(entry)
            if self._held < self.capacity:
                self.channel.has_room()

    async def next(self) -> Entry:
        """What comes next, left in the queue: waits until there is something."""
        while not self._queue:
            if self.is_closed:
                return END
            await wait_for_any((self,))
        return self._queue[0]

    def before(self, barrier: Barrier) -> list[Any] | None:
        """The items queued in front of a barrier, or None when it has not come yet. The end counts
        as every barrier."""
        items: list[Any] = []
        for entry in self._queue:
            if entry is END or (isinstance(entry, Barrier) and entry.number >= barrier.number):
                return items
            if not isinstance(entry, (Barrier, End)):
                items.extend(entry)
        return items if self.is_closed else None

    async def until_marked(self, barrier: Barrier) -> list[Any]:
        """Wait for the barrier while the queue may grow beyond its capacity; returns what is queued
        in front of it."""
        self._is_lifted = True
        self.channel.has_room()
        try:
            while (items := self.before(barrier)) is None:
                await wait_for_any((self,))
        finally:
            self._is_lifted = False
        return items

    def forget(self, barrier: Barrier) -> None:
        """Take the barrier out: it was passed by way of another input."""
        if barrier in self._queue:
            self._queue.remove(barrier)

    def close(self) -> None:
        """Read no more; what is queued is dropped."""
        if not self.is_closed:
            self.is_closed = True
            self._queue.clear()
            self._held = 0
            self.nudge()
            self.channel.has_room()

    def add_waiter(self, waiter: asyncio.Future[None]) -> None:
        self._waiters.append(waiter)
        self.channel.watch.blocked(self, writing=False)

    def remove_waiter(self, waiter: asyncio.Future[None]) -> None:
        self._waiters.remove(waiter)
        self.channel.watch.freed(self, writing=False)


async def wait_for_any(lanes: Sequence[Lane]) -> None:
    """Return when something was put into one of the lanes, or one of them was closed."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for lane in lanes:
        lane.add_waiter(waiter)
    try:
        await waiter
    finally:
        for lane in lanes:
            lane.remove_waiter(waiter)


class Channel:
    """What a producer writes to. ``items`` counts what was sent, read or not."""

    def __init__(self, name: str = "", watch: Watch | None = None) -> None:
        self.name = name
        self.watch = watch or Watch()
        self.lanes: list[Lane] = []
        self.items = 0
        self.writer_id = ""
        self._waiter: asyncio.Future[None] | None = None

    def reader(self, port: str = "", capacity: int = CAPACITY) -> Lane:
        """One more reader; to be asked for before anything is sent."""
        return self.add(Lane(self, port, capacity))

    def add(self, lane: Lane) -> Lane:
        self.lanes.append(lane)
        return lane

    @property
    def is_wanted(self) -> bool:
        """Whether anybody reads, or nobody was ever meant to."""
        return not self.lanes or any(not lane.is_closed for lane in self.lanes)

    async def send(self, items: Sequence[Any]) -> None:
        """Hand a chunk to every reader, when all of them have room."""
        self.items += len(items)
        for lane in self.lanes:
            while lane.is_full:
                await self._wait(lane)
        for lane in self.lanes:
            if lane.worker is None:
                lane.put(items)
            else:
                await lane.worker(items)

    async def _wait(self, lane: Lane) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        self.watch.blocked(lane, writing=True)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self.watch.freed(lane, writing=True)

    def has_room(self) -> None:
        """A reader took something, or left: the producer looks again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def mark(self, barrier: Barrier) -> None:
        for lane in self.lanes:
            lane.put(barrier)

    def finish(self) -> None:
        for lane in self.lanes:
            lane.put(END)
