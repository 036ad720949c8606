"""The hub of this process, put together from Django's parts."""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import structlog
from django.conf import settings

from apps.collaboration import policies, selectors, services
from apps.collaboration.adapters.attendance import Attendance
from apps.collaboration.adapters.threads import DatabaseThread, JournalThread
from apps.collaboration.adapters.upkeep import UpkeepProcess, is_large
from apps.collaboration.policies import Passport
from apps.collaboration.rooms.hub import Hub
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import Loaded, Row, Write, Written
from apps.collaboration.rooms.socket import Socket
from apps.common import bus

log = structlog.get_logger(__name__)


class DatabaseJournal:
    """The journal port over the database: commits on one thread, reads on another, upkeep on a
    third, so that none of them waits for the others; upkeep of large documents in another process."""

    def __init__(self) -> None:
        self._commits = JournalThread()
        self.reads = DatabaseThread("documents")
        self.upkeep = DatabaseThread("upkeep")
        self._apart = UpkeepProcess()

    async def load(self, flow_id: uuid.UUID) -> Loaded:
        return await self.reads.call(_load, flow_id)

    async def loaded(self, flow_id: uuid.UUID) -> None:
        await self.reads.call(services.document_opened, flow_id)

    async def append(self, write: Write) -> Written:
        return await self._commits.append(write)

    async def rows_after(self, flow_id: uuid.UUID, epoch: int, seq: int) -> list[Row]:
        return await self.reads.call(selectors.rows_after, flow_id, epoch, seq)

    async def heads(self, flow_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
        return await self.reads.call(selectors.document_heads, flow_ids)

    async def settle(self, flow_id: uuid.UUID, *, idle: bool) -> None:
        if is_large(await self.upkeep.call(selectors.document_size, flow_id)):
            await self._apart.settle(flow_id, idle=idle)
        else:
            await self.upkeep.call(services.document_settle, flow_id, idle=idle)

    async def close(self) -> None:
        await self._apart.close()
        for thread in (self._commits, self.reads, self.upkeep):
            await thread.close()


def _load(flow_id: uuid.UUID) -> Loaded:
    services.document_opening(flow_id)
    return selectors.document_load(flow_id)


class BusHints:
    """The hints port over the process's bus, which never waits."""

    def publish(self, channel: str, payload: bytes) -> None:
        bus.publish(channel, payload)

    def subscribe(self, channel: str) -> AsyncIterator[bytes]:
        return bus.subscribe(channel)


class AuditedRefusals:
    """Refused writes go to the audit log, off the loop."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread

    def note(self, *, flow_id: uuid.UUID, person_id: uuid.UUID, reason: str) -> None:
        self._thread.submit(services.refusal_record, flow_id=flow_id, person_id=person_id, reason=reason)


class ProcessHub:
    """The hub with what must live and end with it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._journal = DatabaseJournal()
        self._passports: weakref.WeakKeyDictionary[Socket, Passport] = weakref.WeakKeyDictionary()
        self.hub = Hub(
            journal=self._journal,
            bus=BusHints(),
            refusals=AuditedRefusals(self._journal.reads),
            check_rights=self._check,
            may_edit=policies.may_edit,
            limits=limits or _limits(),
        )
        self.reads = self._journal.reads
        self._attendance = Attendance(self._journal.upkeep)
        self._task = asyncio.get_running_loop().create_task(self.hub.run(), name="document-hub")

    def remember(self, socket: Socket, passport: Passport) -> None:
        """Have the socket's rights re-checked from now on."""
        self._passports[socket] = passport

    async def _check(self, asked: Sequence[tuple[Socket, uuid.UUID]]) -> Mapping[Socket, str | int]:
        known = {socket: self._passports[socket] for socket, _ in asked if socket in self._passports}
        self._attendance.seen(frozenset((flow, socket.who.person_id) for socket, flow in asked))
        standings = await self.reads.call(policies.standings, list(set(known.values())))
        return {socket: standings[passport] for socket, passport in known.items()}

    async def close(self) -> None:
        """Write what waits, hang up on everybody, end the threads."""
        await self.hub.stop()
        await self._task
        await self._journal.close()


def _limits() -> Limits:
    """The product's own; rigs let upkeep come sooner."""
    usual = Limits()
    return replace(
        usual,
        settle_s=getattr(settings, "DOCUMENT_SETTLE_S", usual.settle_s),
        settle_at_most_s=getattr(settings, "DOCUMENT_SETTLE_AT_MOST_S", usual.settle_at_most_s),
    )


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, ProcessHub] = weakref.WeakKeyDictionary()


async def drain() -> None:
    """Before this process ends: write what waits, acknowledge it, and send everybody to another one."""
    hub = _hubs.get(asyncio.get_running_loop())
    if hub is not None:
        await hub.close()


def current_hub() -> ProcessHub:
    """The hub of the running loop, started on first use."""
    loop = asyncio.get_running_loop()
    if (hub := _hubs.get(loop)) is None:
        _hubs[loop] = hub = ProcessHub()
    return hub
