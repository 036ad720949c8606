"""Redis going away costs latency and shared counting, never an answer."""

from __future__ import annotations

import time

import pytest

from apps.common import tasks
from apps.common.cache import FallbackRedisCache
from studio_project.celery import app

AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def away() -> FallbackRedisCache:
    return FallbackRedisCache(AWAY, {"OPTIONS": {"socket_connect_timeout": 1}})


def test_the_cache_goes_on_in_memory(away: FallbackRedisCache) -> None:
    away.clear()
    assert away.get("a", "none") == "none"
    away.set("a", 1, 60)
    assert away.incr("a") == 2
    assert away.get_many(["a", "b"]) == {"a": 2}
    assert away.has_key("a")
    assert not away.add("a", 5)
    away.set_many({"b": 3})
    away.delete_many(["b"])
    assert away.touch("a", 60)
    assert away.delete("a")
    assert away.get("a") is None


def test_a_broker_that_is_away_delays_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    with app.connection_for_write(AWAY) as connection:
        original = tasks.outbox_deliver.apply_async
        monkeypatch.setattr(
            tasks.outbox_deliver, "apply_async", lambda **options: original(connection=connection, **options)
        )
        started = time.monotonic()
        tasks.hint()
        assert time.monotonic() - started < 15
