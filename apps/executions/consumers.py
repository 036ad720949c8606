"""Live events of a flow's runs: a snapshot, then every event once and in order, with resume; and the
way back, for those who debug them.

Hints on the bus only wake the socket; what it sends is read from the table, so a lost hint costs
a poll and never an event. The right to see is checked at connect, on every message, and again as
soon as somebody's role or session changes.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from contextlib import aclosing, suppress
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from apps.catalogue.types import types_channel
from apps.common import bus
from apps.common.errors import Forbidden, NotFound, NotSignedIn
from apps.common.parsers import parse_json
from apps.common.policies import InWorkspace
from apps.common.rates import Bucket
from apps.executions import feeds
from apps.executions.debug_messages import answer_debug, language_in
from apps.executions.types import HINT_EVENTS, flow_channel
from apps.workspaces.policies import require_in_scope, sees_values
from sage_studio.kernel import SageError

logger = structlog.get_logger(__name__)
POLL_S = 2.0
# A canvas cannot show more than this often; endings are told at once, but no two looks are closer than that.
GATHER_S = 0.015
LOOK_APART_S = 0.004
MAX_MESSAGE_BYTES = 64 * 1024
MAX_RUNS_SUBSCRIBED = 100
CLOSE_MALFORMED, CLOSE_NOT_SIGNED_IN, CLOSE_FORBIDDEN, CLOSE_GONE = 4400, 4401, 4403, 4404
CLOSE_TRY_AGAIN, CLOSE_TOO_MANY, CLOSE_TOO_FAST = 4500, 4503, 4529
# A client says once what it wants and again when it comes back; each message costs queries.
MESSAGES_PER_S, BURST_S = 10, 5
PEOPLE_CHANNEL = "people"
TYPES_CHANGED = '{"type": "node_types_changed"}'
# Each open socket costs two subscriptions and a look every other second; as many as documents have.
MAX_SOCKETS_PER_PERSON = 100
_sockets: Counter[uuid.UUID] = Counter()
"""How many sockets of this process each person has open."""


class FlowEventsConsumer(AsyncWebsocketConsumer):
    """``/ws/flow/<flow_id>``; see CONTRACTS, "Run events"."""

    policy = InWorkspace("run.view")

    async def connect(self) -> None:
        self._wake, self._urgent = asyncio.Event(), asyncio.Event()
        self._messages = Bucket(MESSAGES_PER_S, BURST_S, time.monotonic())
        self._recheck = False
        self._life: asyncio.Task[None] | None = None
        self._feed: feeds.Feed | None = None
        self._is_bundling = False
        self._hides_values = True
        self._seat: uuid.UUID | None = None
        flow_id: uuid.UUID = self.scope["url_route"]["kwargs"]["flow_id"]
        await self.accept()
        workspace_id = await database_sync_to_async(feeds.workspace_of)(flow_id)
        if workspace_id is None:
            await self.close(CLOSE_GONE)
            return
        self._workspace_id = workspace_id
        if not await self._may_see():
            return
        if not self._take_seat():
            await self.close(CLOSE_TOO_MANY)
            return
        self._flow_id = flow_id
        # Channels calls `connect` and `disconnect` apart, so one task holds the group between them.
        self._life = asyncio.get_running_loop().create_task(self._live())

    def _take_seat(self) -> bool:
        """Count this socket for its person, unless they have too many."""
        person_id: uuid.UUID = self.scope["user"].pk
        if _sockets[person_id] >= MAX_SOCKETS_PER_PERSON:
            return False
        _sockets[person_id] += 1
        self._seat = person_id
        return True

    async def disconnect(self, code: int) -> None:
        if self._seat is not None:
            _sockets[self._seat] -= 1
            if _sockets[self._seat] <= 0:
                del _sockets[self._seat]
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])

    async def _live(self) -> None:
        """Listen and send until the socket is gone."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(flow_channel(self._flow_id), recheck=False))
                group.create_task(self._listen(PEOPLE_CHANNEL, recheck=True))
                group.create_task(self._tell_types())
                group.create_task(self._send_events())
        except* Exception as failures:  # noqa: BLE001 - the loop's edge: a peer that went away, or a fault
            logger.info("flow_socket_ended", errors=[repr(error) for error in failures.exceptions])
            with suppress(Exception):
                await self.close(CLOSE_TRY_AGAIN)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data is None or len(text_data) > MAX_MESSAGE_BYTES:
            await self.close(CLOSE_MALFORMED)
            return
        if not self._messages.take(1, time.monotonic()):
            await self.close(CLOSE_TOO_FAST)
            return
        message = _read(text_data)
        wanted = _parse(message)
        if wanted is None and message.get("type") != "debug":
            await self.close(CLOSE_MALFORMED)
            return
        if not await self._may_see() or not hasattr(self, "_flow_id"):
            return
        if wanted is None:
            answer = await database_sync_to_async(answer_debug)(
                self.scope, self._workspace_id, self._flow_id, message
            )
            await self.send(json.dumps(answer))
            return
        feed: feeds.Feed | None = None
        if wanted.is_on:
            make = database_sync_to_async(feeds.Feed)
            feed = await make(self._flow_id, wanted.runs, follow=wanted.follow)
            snapshot = await database_sync_to_async(feed.open)()
            await self.send(json.dumps(snapshot))
        self._feed, self._is_bundling = feed, wanted.is_bundling
        self._look_now()

    async def _may_see(self) -> bool:
        """Whether the person may (still) see runs; closes the socket when not."""
        try:
            self._hides_values = await database_sync_to_async(self._check)()
        except NotSignedIn:
            await self.close(CLOSE_NOT_SIGNED_IN)
        except NotFound:
            await self.close(CLOSE_GONE)
        except Forbidden:
            await self.close(CLOSE_FORBIDDEN)
        else:
            return True
        return False

    def _check(self) -> bool:
        """Whether values are hidden from the person. Raises what ``require_in_scope`` raises."""
        role = require_in_scope(self.scope, self._workspace_id, self.policy.action)
        return not sees_values(role, self._workspace_id)

    async def _listen(self, channel: str, *, recheck: bool) -> None:
        async with aclosing(bus.subscribe(channel)) as hints:
            async for hint in hints:
                self._recheck = self._recheck or recheck
                if hint == HINT_EVENTS:
                    self._wake.set()
                else:
                    self._look_now()

    async def _tell_types(self) -> None:
        """That the workspace's node types have changed: an open editor reads them anew."""
        async with aclosing(bus.subscribe(types_channel(self._workspace_id))) as hints:
            async for _ in hints:
                await self.send(TYPES_CHANGED)

    def _look_now(self) -> None:
        self._urgent.set()
        self._wake.set()

    async def _send_events(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
                async with asyncio.timeout(GATHER_S):
                    await self._urgent.wait()
            self._wake.clear()
            self._urgent.clear()
            if self._recheck:
                self._recheck = False
                if not await self._may_see():
                    return
            await self._send_new()
            await asyncio.sleep(LOOK_APART_S)

    async def _send_new(self) -> None:
        while (feed := self._feed) is not None:
            feed.hides_values = self._hides_values
            feed.language = language_in(self.scope)
            news = await database_sync_to_async(feed.read)()
            messages = [_bundle(news.events)] if self._is_bundling and news.events else news.events
            for message in messages:
                if feed is not self._feed:
                    return
                await self.send(message)
            if news.is_all:
                return


class _Wanted:
    """A client's message: on with these runs, or off. ``follow`` adds all active runs and those to
    come; it is implied when no run is named. With ``bundle`` events that are sent together come as one
    message, ``{"type": "events", "events": […]}``: a message costs both sides more than an event."""

    __slots__ = ("follow", "is_bundling", "is_on", "runs")

    def __init__(
        self, *, is_on: bool, runs: dict[uuid.UUID, int], follow: bool, is_bundling: bool = False
    ) -> None:
        self.is_on = is_on
        self.is_bundling = is_bundling
        self.runs = runs
        self.follow = follow


def _bundle(events: list[str]) -> str:
    return f'{{"type": "events", "events": [{", ".join(events)}]}}'


def _read(text: str) -> dict[str, Any]:
    """The message, read as strictly as a request: empty when it is no JSON object or cannot be stored."""
    try:
        message = parse_json(text.encode())
    except (SageError, ValueError):
        return {}
    return message if isinstance(message, dict) else {}


def _parse(message: dict[str, Any]) -> _Wanted | None:
    """What a client wants to hear, or None when the message does not say."""
    try:
        if message["type"] == "unsubscribe":
            return _Wanted(is_on=False, runs={}, follow=False)
        if message["type"] != "subscribe":
            return None
        runs = message.get("runs") or {}
        if len(runs) > MAX_RUNS_SUBSCRIBED or not all(type(seq) is int and seq >= 0 for seq in runs.values()):
            return None
        named = {uuid.UUID(run_id): seq for run_id, seq in runs.items()}
        follow = not named or message.get("follow") is True
        return _Wanted(is_on=True, runs=named, follow=follow, is_bundling=message.get("bundle") is True)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
