"""Hints across threads and processes: the same promises from both implementations."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

import pytest
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
    async with asyncio.timeout(5):
        return await anext(hints)


async def test_a_hint_reaches_every_subscriber_of_its_channel(some_bus: bus.Bus) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one, two, other = (some_bus.subscribe(name) for name in ("doc:1", "doc:1", "doc:2"))
        for hints in (one, two, other):
            stack.push_async_callback(hints.aclose)
        async with asyncio.TaskGroup() as group:
            got = [group.create_task(first(one)), group.create_task(first(two))]
            missed = group.create_task(first(other))
            await asyncio.sleep(0.3)
            threading.Thread(target=some_bus.publish, args=("doc:1", b"7")).start()
            await asyncio.wait(got)
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


async def test_a_quiet_channel_stays_open(some_bus: bus.Bus) -> None:
    """Longer than the client library's default read timeout of five seconds."""
    async with contextlib.AsyncExitStack() as stack:
        hints = some_bus.subscribe("doc:1")
        stack.push_async_callback(hints.aclose)
        waiting = asyncio.ensure_future(anext(hints))
        await asyncio.sleep(6)
        some_bus.publish("doc:1", b"late")
        async with asyncio.timeout(2):
            assert await waiting == b"late"
