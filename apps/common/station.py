"""One Redis subscription for everything an event loop listens to.

A room, a socket or a worker listens to channels of its own; a connection for each would be thousands of
them. The station keeps one connection and hands each message to the queues of its channel. When the
connection is lost it comes back by itself; what was said meanwhile is lost, as hints may be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

QUEUE_LIMIT = 1000
CHECK_EVERY_S = 10.0
AGAIN_AFTER_S = 0.5


class Station:
    """Used on one event loop only."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._queues: dict[str, list[asyncio.Queue[bytes]]] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def subscribe(self, channel: str) -> AsyncGenerator[bytes, None]:
        """Messages on ``channel`` from about now on; ends when it is closed."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_LIMIT)
        self._queues.setdefault(channel, []).append(queue)
        self._changed.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="bus")
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues[channel].remove(queue)
            if not self._queues[channel]:
                del self._queues[channel]
                self._changed.set()

    async def _run(self) -> None:
        """Listen until nobody does."""
        try:
            while self._queues:
                try:
                    await self._listen()
                except* (redis.RedisError, OSError):
                    await asyncio.sleep(AGAIN_AFTER_S)
        finally:
            self._task = None

    async def _listen(self) -> None:
        # A quiet channel is not a dead one: no read timeout; a lost connection shows by its health check.
        client = redis.asyncio.Redis.from_url(
            self._url, socket_timeout=None, health_check_interval=CHECK_EVERY_S, retry=Retry(NoBackoff(), 0)
        )
        try:
            async with client.pubsub() as pubsub:
                heard = set(self._queues)
                await pubsub.subscribe(*heard)
                async with asyncio.TaskGroup() as tasks:
                    reader = tasks.create_task(self._read(pubsub))
                    await self._keep_up(pubsub, heard)
                    reader.cancel()
        finally:
            await client.aclose()

    async def _read(self, pubsub: redis.asyncio.client.PubSub) -> None:
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=CHECK_EVERY_S)
            if message is None or message["type"] != "message":
                continue
            for queue in self._queues.get(message["channel"].decode(), ()):
                if not queue.full():
                    queue.put_nowait(message["data"])

    async def _keep_up(self, pubsub: redis.asyncio.client.PubSub, heard: set[str]) -> None:
        """Subscribe to and leave channels as listeners come and go; returns when the last has gone."""
        while self._queues:
            await self._changed.wait()
            self._changed.clear()
            wanted = set(self._queues)
            if new := wanted - heard:
                await pubsub.subscribe(*new)
            if wanted and (old := heard - wanted):
                await pubsub.unsubscribe(*old)
            heard = wanted
