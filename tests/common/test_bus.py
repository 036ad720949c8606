"""Hints across threads and processes: the same promises from both implementations."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import redis
from django.conf import settings
from django.db import transaction

from apps.common import bus


def implementations() -> list[object]:
    kinds: list[object] = [pytest.param("process", id="in-process")]
    return [*kinds, pytest.param("redis", id="redis")]


@pytest.fixture(params=implementations())
def some_bus(request: pytest.FixtureRequest) -> bus.Bus:
    if request.param == "process":
        return bus.InProcessBus()
    if not settings.REDIS_URL:
        pytest.skip("no Redis in this run")
    return bus.RedisBus(settings.REDIS_URL)


async def first(hints: AsyncIterator[bytes]) -> bytes:
    async with asyncio.timeout(60):
        return await anext(hints)


async def test_a_hint_reaches_every_subscriber_of_its_channel(some_bus: bus.Bus) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one, two, other = (some_bus.subscribe(name) for name in ("doc:1", "doc:1", "doc:2"))
        for hints in (one, two, other):
            stack.push_async_callback(hints.aclose)
        async with asyncio.TaskGroup() as group:
            got = [group.create_task(first(one)), group.create_task(first(two))]
            missed = group.create_task(first(other))
            while not all(task.done() for task in got):  # whoever has not subscribed yet misses a hint
                await asyncio.to_thread(some_bus.publish, "doc:1", b"7")
                await asyncio.wait(got, timeout=0.1)
            assert not missed.done()
            missed.cancel()
        assert [task.result() for task in got] == [b"7", b"7"]


async def test_a_redis_that_is_away_costs_no_exception() -> None:
    away = bus.RedisBus("redis://127.0.0.1:1")
    await asyncio.to_thread(away.publish, "doc:1", b"x")


@pytest.mark.django_db(transaction=True)
def test_hints_leave_only_after_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, bytes]] = []
    monkeypatch.setattr(bus, "publish", lambda channel, payload: sent.append((channel, payload)))
    with transaction.atomic():
        bus.publish_on_commit("a", b"1")
        assert sent == []
    assert sent == [("a", b"1")]
    with transaction.atomic():
        bus.publish_on_commit("a", b"2")
        transaction.set_rollback(True)
    assert sent == [("a", b"1")]


async def listening(redis_bus: bus.Bus, channel: str) -> AsyncIterator[bytes]:
    """A subscription that is known to hear."""
    hints = redis_bus.subscribe(channel)
    heard = asyncio.ensure_future(anext(hints))
    while not heard.done():
        redis_bus.publish(channel, b"there?")
        await asyncio.wait([heard], timeout=0.1)
    return hints


async def next_but(hints: AsyncIterator[bytes], old: bytes) -> bytes:
    """The next hint that is none of the greetings."""
    async with asyncio.timeout(60):
        while (heard := await anext(hints)) == old:
            pass
        return heard


@pytest.mark.parametrize("some_bus", ["redis"], indirect=True)
async def test_many_channels_share_one_connection_and_come_back_with_it(some_bus: bus.Bus) -> None:
    server = redis.Redis.from_url(str(settings.REDIS_URL))
    before = {client["id"] for client in server.client_list(_type="pubsub")}
    async with contextlib.AsyncExitStack() as stack:
        many = [await listening(some_bus, f"many:{number}") for number in range(5)]
        for hints in many:
            stack.push_async_callback(hints.aclose)  # type: ignore[attr-defined]
        (ours,) = [c for c in server.client_list(_type="pubsub") if c["id"] not in before]
        server.client_kill_filter(_id=ours["id"])
        for number, hints in enumerate(many):
            waiting = asyncio.ensure_future(next_but(hints, b"there?"))
            while not waiting.done():
                some_bus.publish(f"many:{number}", b"again")
                await asyncio.wait([waiting], timeout=0.1)
            assert waiting.result() == b"again"
    async with asyncio.timeout(60):
        while any(c["id"] not in before for c in server.client_list(_type="pubsub")):
            await asyncio.sleep(0.05)
    server.close()


@pytest.mark.parametrize("some_bus", ["redis"], indirect=True)
async def test_a_quiet_channel_stays_open(some_bus: bus.Bus) -> None:
    """Longer than the client library's default read timeout of five seconds."""
    async with contextlib.AsyncExitStack() as stack:
        hints = some_bus.subscribe("doc:1")
        stack.push_async_callback(hints.aclose)
        waiting = asyncio.ensure_future(anext(hints))
        await asyncio.sleep(6)
        some_bus.publish("doc:1", b"late")
        async with asyncio.timeout(60):
            assert await waiting == b"late"
