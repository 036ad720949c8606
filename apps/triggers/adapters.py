"""Waiting for a run on the server's loop: hints wake, the rows are read in threads of their own."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from functools import partial

from django.db import close_old_connections
from django.http.response import HttpResponseBase

from apps.common import bus
from apps.executions.types import flow_channel
from apps.triggers.answers import Waited, answer_find

# Without Redis a worker of another process sends no hints: look soon, and less often the longer it takes.
FIRST_LOOK_S, LAST_LOOK_S = 0.02, 1.0
# Calls of one flow that wait at once in this process; further ones are told where to look later.
MOST_WAITING = 200
_waiting: Counter[uuid.UUID] = Counter()
_threads = ThreadPoolExecutor(2, thread_name_prefix="answers")


async def answer_wait(
    waited: Waited, flow_id: uuid.UUID, wait_s: float, otherwise: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """The answer of a run, or what ``otherwise`` says when there is none after ``wait_s``, or when too many
    wait already."""
    if _waiting[flow_id] >= MOST_WAITING:
        return otherwise()
    _waiting[flow_id] += 1
    try:
        return await _found(waited, flow_id, wait_s) or otherwise()
    finally:
        _waiting[flow_id] -= 1
        if not _waiting[flow_id]:
            del _waiting[flow_id]


async def _found(waited: Waited, flow_id: uuid.UUID, wait_s: float) -> HttpResponseBase | None:
    loop = asyncio.get_running_loop()
    news = asyncio.Event()
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s), asyncio.TaskGroup() as group:
            listening = group.create_task(_listen(flow_id, news))
            pause_s = FIRST_LOOK_S
            while True:
                news.clear()
                found = await loop.run_in_executor(_threads, partial(_read, waited))
                if found is not None:
                    listening.cancel()
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await news.wait()
                pause_s = min(pause_s * 1.5, LAST_LOOK_S)
    return None


async def _listen(flow_id: uuid.UUID, news: asyncio.Event) -> None:
    async with aclosing(bus.subscribe(flow_channel(flow_id))) as hints:
        async for _ in hints:
            news.set()


def _read(waited: Waited) -> HttpResponseBase | None:
    close_old_connections()
    return answer_find(waited)
