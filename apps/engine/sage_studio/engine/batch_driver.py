"""Work through many items in batches whose size is found on the way (``adaptive_batching``)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sage_studio.engine.adaptive_batching import BatchController
from sage_studio.engine.memory_pressure import memory_pressure

Item = TypeVar("Item")
Result = TypeVar("Result")

SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.2, 60.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What batches are judged by: the time they take and the memory they leave."""

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    memory_pressure: Callable[[], float | None] = memory_pressure


THIS_MACHINE = Machine()


class TooMuch(Exception):
    """Raised by the work of ``in_batches`` when the other side does not take the batch.

    ``wait_s`` seconds until it may (a rate limit: HTTP 429), or None when it never will (HTTP 413).
    ``cause`` is the error to raise when there is no way on.
    """

    def __init__(self, cause: Exception, wait_s: float | None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait_s = wait_s


async def in_batches(
    items: Sequence[Item],
    work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
    *,
    controller: BatchController,
    on_progress: Callable[[int, int], None] | None = None,
    patience_s: float = 300.0,
    machine: Machine = THIS_MACHINE,
) -> list[Result]:
    """Work through ``items`` in batches of the controller's choosing; results in order.

    ``work`` raises TooMuch or MemoryError for a batch that must be smaller or later. Raises the cause
    of a TooMuch when nothing has gone through for ``patience_s``, and MemoryError or that cause when
    a single item is too much.
    """
    now = machine.now
    results: list[Result] = []
    passed_at = now()
    while len(results) < len(items):
        batch = items[len(results) : len(results) + controller.size()]
        began = now()
        try:
            results.extend(await work(batch))
        except MemoryError:
            if len(batch) <= 1:
                raise
            controller.does_not_fit(now() - began)
        except TooMuch as refusal:
            if refusal.wait_s is None:
                if len(batch) <= 1:
                    raise refusal.cause from None
                controller.does_not_fit(now() - began)
                continue
            wait_s = min(max(refusal.wait_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)
            if began - passed_at + wait_s > patience_s:
                raise refusal.cause from None
            await machine.sleep(wait_s)
            controller.limited(now() - began)
        else:
            passed_at = now()
            controller.done(len(batch), passed_at - began, pressure=machine.memory_pressure())
            if on_progress is not None:
                on_progress(len(results), len(items))
    return results
