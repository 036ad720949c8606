"""Hints across processes: small messages on named channels. A lost one costs latency, never data."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from functools import cache
from typing import Protocol
from weakref import WeakKeyDictionary

import redis
from django.conf import settings

from apps.common import failpoints
from apps.common.db import after_commit
from apps.common.station import QUEUE_LIMIT, Station


class Bus(Protocol):
    """Publish from anywhere, subscribe from an event loop."""

    def publish(self, channel: str, payload: bytes) -> None: ...

    def subscribe(self, channel: str) -> AsyncGenerator[bytes, None]: ...


class InProcessBus:
    """Reaches subscribers of this process only; each is woken on its own loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[str, list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[bytes]]]] = {}

    def publish(self, channel: str, payload: bytes) -> None:
        with self._lock:
            targets = list(self._subscribers.get(channel, ()))
        for loop, queue in targets:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_offer, queue, payload)

    async def subscribe(self, channel: str) -> AsyncGenerator[bytes, None]:
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        entry = (asyncio.get_running_loop(), queue)
        with self._lock:
            self._subscribers.setdefault(channel, []).append(entry)
        try:
            while True:
                yield await queue.get()
        finally:
            with self._lock:
                self._subscribers[channel].remove(entry)
                if not self._subscribers[channel]:
                    del self._subscribers[channel]


def _offer(queue: asyncio.Queue[bytes], payload: bytes) -> None:
    if not queue.full():
        queue.put_nowait(payload)


class RedisBus:
    """Redis pub/sub. Publishing never raises and never waits: a thread sends what has gathered, equal
    hints once, and readers poll behind it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, bytes], None] = {}
        self._noted = threading.Event()
        self._sender: threading.Thread | None = None
        self._stations: WeakKeyDictionary[asyncio.AbstractEventLoop, Station] = WeakKeyDictionary()

    def publish(self, channel: str, payload: bytes) -> None:
        with self._lock:
            self._waiting[channel, payload] = None
            if self._sender is None:
                self._sender = threading.Thread(target=self._send, name="bus", daemon=True)
                self._sender.start()
        self._noted.set()

    def _send(self) -> None:
        while True:
            self._noted.wait()
            self._noted.clear()
            with self._lock:
                hints, self._waiting = list(self._waiting), {}
            try:
                pipeline = self._client.pipeline(transaction=False)
                for channel, payload in hints:
                    if not _is_lost():
                        pipeline.publish(channel, payload)
                pipeline.execute()
            except redis.RedisError:
                continue

    def subscribe(self, channel: str) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        if (station := self._stations.get(loop)) is None:
            self._stations[loop] = station = Station(self._url)
        return station.subscribe(channel)


def _is_lost() -> bool:
    """Whether a rig wants this hint to go missing."""
    try:
        failpoints.hit("bus.publish")
    except failpoints.FailpointHit:
        return True
    return False


@cache
def _current() -> Bus:
    return RedisBus(settings.REDIS_URL) if settings.REDIS_URL else InProcessBus()


def publish(channel: str, payload: bytes) -> None:
    """Send a hint now."""
    _current().publish(channel, payload)


def publish_on_commit(channel: str, payload: bytes) -> None:
    """Send a hint once the current transaction is on disk."""
    after_commit(lambda: publish(channel, payload))


def subscribe(channel: str) -> AsyncGenerator[bytes, None]:
    """Hints on ``channel`` from now on; ends when the iterator is closed."""
    return _current().subscribe(channel)
