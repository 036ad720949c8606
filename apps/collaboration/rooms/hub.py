"""All rooms of one process: opening and closing them, and the checks that run all the time."""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import Hints, Journal, JournalUnavailableError, Refusals
from apps.collaboration.rooms.room import Room, State
from apps.collaboration.rooms.socket import Close, Socket
from apps.collaboration.wire import frames

log = structlog.get_logger(__name__)

_LOOK_S = 0.5
"""How often rights are looked up. A changed role counts within a second, also when the word of it is lost."""
_FOLLOW_S = 1.0
_REPEAT_PRESENCE_S = 12.0
PEOPLE_CHANNEL = "people"


class TooManySocketsError(Exception):
    """The person has more open sockets than anybody needs."""


class HubStoppingError(Exception):
    """This process is going away."""


class StaleEpochError(Exception):
    """The client's copy is of another lineage and must not be merged."""


CheckRights = Callable[[Sequence[tuple[Socket, uuid.UUID]]], Awaitable[Mapping[Socket, str | int]]]
"""Sockets with their flows → the role each has now, or the close code when the right behind it is gone."""


class Hub:
    """Keeps one room per flow. ``run`` must be running while sockets are joined.

    Opening and closing a room happen under one lock per flow, so that a socket never joins a room
    that is being closed.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        bus: Hints,
        refusals: Refusals,
        check_rights: CheckRights,
        may_edit: Callable[[str], bool],
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._journal = journal
        self._bus = bus
        self._refusals = refusals
        self._check_rights = check_rights
        self._may_edit = may_edit
        self._process = uuid.uuid4().bytes
        self._rooms: dict[uuid.UUID, Room] = {}
        self._locks: weakref.WeakValueDictionary[uuid.UUID, asyncio.Lock] = weakref.WeakValueDictionary()
        self._tasks: asyncio.TaskGroup | None = None
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._recheck = asyncio.Event()
        self._repeat_at = 0.0
        self._settling: set[uuid.UUID] = set()

    # ---- life

    async def run(self) -> None:
        """Own every task of the rooms until ``stop``."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            cycle = tasks.create_task(self._guard("cycle", self._cycle()))
            people = tasks.create_task(self._guard("people", self._listen_to_people()))
            self._started.set()
            await self._stopping.wait()
            await asyncio.gather(*(self._close(room, Close.DRAIN) for room in list(self._rooms.values())))
            cycle.cancel()
            people.cancel()

    async def stop(self) -> None:
        """Write what waits, hang up on everybody (clients come back), end ``run``."""
        self._stopping.set()

    async def _guard(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """The edge of a task: one room's failure must not take the others down."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("task_failed", task=name)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(self._guard(name, work), name=name)

    # ---- sockets

    async def join(self, flow_id: uuid.UUID, socket: Socket, *, epoch: int | None) -> Room:
        """Open the room if need be and let the socket in; its writer runs until it closes.

        Raises StaleEpochError, TooManySocketsError, HubStoppingError, and what ``Journal.load`` raises.
        """
        await self._started.wait()
        if self._sockets_of(socket.who.person_id) >= self.limits.sockets_per_person:
            raise TooManySocketsError
        async with self._lock(flow_id):
            if self._stopping.is_set():
                raise HubStoppingError
            room = self._rooms.get(flow_id)
            if room is not None:
                await room.wait_ready()
            if room is None or room.state is State.CLOSED:
                room = await self._open(flow_id)
            if epoch is not None and epoch != room.epoch:
                raise StaleEpochError
            room.join(socket)
        self._spawn("socket", socket.run())
        return room

    def leave(self, room: Room, socket: Socket) -> None:
        socket.close(Close.UNAVAILABLE)
        room.leave(socket)

    def _sockets_of(self, person_id: uuid.UUID) -> int:
        return sum(s.who.person_id == person_id for room in self._rooms.values() for s in room.sockets)

    def _lock(self, flow_id: uuid.UUID) -> asyncio.Lock:
        """Kept only while somebody holds it."""
        lock = self._locks.get(flow_id)
        if lock is None:
            self._locks[flow_id] = lock = asyncio.Lock()
        return lock

    # ---- rooms

    async def _open(self, flow_id: uuid.UUID) -> Room:
        room = Room(
            flow_id,
            journal=self._journal,
            bus=self._bus,
            refusals=self._refusals,
            limits=self.limits,
            process=self._process,
        )
        listener = self._spawn("listen", room.listen())
        await asyncio.sleep(0)  # let it subscribe: a hint from here on is not missed
        try:
            await room.load()
        except BaseException:
            listener.cancel()
            raise
        self._rooms[flow_id] = room
        self._spawn("room", self._attend(room, listener))
        room.ask_who()
        return room

    async def _attend(self, room: Room, listener: asyncio.Task[None]) -> None:
        try:
            await room.run()
        finally:
            room.end(Close.RELOADED)
            listener.cancel()
            if self._rooms.get(room.flow_id) is room:
                del self._rooms[room.flow_id]

    async def _close(self, room: Room, code: int, *, only_empty: bool = False) -> None:
        """Under the flow's lock: write, settle, forget."""
        async with self._lock(room.flow_id):
            if only_empty and room.sockets:
                return
            await room.shut(code)
            if self._rooms.get(room.flow_id) is room:
                del self._rooms[room.flow_id]
        if room.unsettled_since is not None or room.was_edited:
            await self._settle(room, idle=True)

    # ---- all the time

    async def _listen_to_people(self) -> None:
        async for _ in self._bus.subscribe(PEOPLE_CHANNEL):
            self._recheck.set()

    async def _cycle(self) -> None:
        """Rights, and every second the rest; a hint shortens the wait."""
        time = asyncio.get_running_loop().time
        follow_at = time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._recheck.wait()
            self._recheck.clear()
            await self._look(self._apply_rights)
            if time() < follow_at:
                continue
            follow_at = time() + _FOLLOW_S - _LOOK_S / 2
            await self._look(self._follow_heads)
            rooms = list(self._rooms.values())
            self._keep_alive(rooms)
            await self._care_for(rooms)
            if rooms and time() >= self._repeat_at:
                self._repeat_at = time() + _REPEAT_PRESENCE_S
                for room in rooms:
                    room.repeat_presence()
                    room.expire_presence()

    async def _look(self, at: Callable[[list[Room]], Awaitable[None]]) -> None:
        """Put off what needs the database while it is away; nothing else waits for that."""
        if rooms := list(self._rooms.values()):
            try:
                await at(rooms)
            except JournalUnavailableError:
                log.warning("checks_postponed")

    async def _apply_rights(self, rooms: list[Room]) -> None:
        """Let live sockets have the role their person has now, or end them."""
        asked = [(s, room.flow_id) for room in rooms for s in room.sockets if s.closing is None]
        if not asked:
            return
        roles = await self._check_rights(asked)
        by_flow = {room.flow_id: room for room in rooms}
        for socket, flow_id in asked:
            role = roles.get(socket, Close.FORBIDDEN)
            if isinstance(role, int):
                socket.close(role)
            elif role != socket.role:
                by_flow[flow_id].role_changed(socket, role=role, may_edit=self._may_edit(role))

    async def _follow_heads(self, rooms: list[Room]) -> None:
        heads = await self._journal.heads([room.flow_id for room in rooms])
        for room in rooms:
            if room.state is not State.OPEN:
                continue
            if (head := heads.get(room.flow_id)) is None:
                await self._close(room, Close.GONE)
            else:
                await room.catch_up(*head)

    def _keep_alive(self, rooms: list[Room]) -> None:
        limit = asyncio.get_running_loop().time() - self.limits.keepalive_s + _FOLLOW_S
        for room in rooms:
            for socket in room.sockets:
                if socket.last_sent_at < limit:
                    socket.send(frames.presence_query())

    async def _care_for(self, rooms: list[Room]) -> None:
        now = asyncio.get_running_loop().time()
        for room in rooms:
            if self._due(room, now):
                self._spawn("settle", self._settle(room))
            if room.empty_since is not None and now - room.empty_since > self.limits.idle_s:
                await self._close(room, Close.RELOADED, only_empty=True)

    def _due(self, room: Room, now: float) -> bool:
        since = room.unsettled_since
        if since is None or room.flow_id in self._settling:
            return False
        quiet = now - room.last_edit_at >= self.limits.settle_s
        return quiet or now - since >= self.limits.settle_at_most_s

    async def _settle(self, room: Room, *, idle: bool = False) -> None:
        """Have the flow's projection refreshed; failing postpones it."""
        since, room.unsettled_since = room.unsettled_since, None
        self._settling.add(room.flow_id)
        try:
            await self._journal.settle(room.flow_id, idle=idle)
        except JournalUnavailableError:
            room.unsettled_since = since
        finally:
            self._settling.discard(room.flow_id)
