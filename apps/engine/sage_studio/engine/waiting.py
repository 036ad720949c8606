"""Waits of one run: for a time, or for a signal somebody delivers.

A wait is part of the node's record, so that it survives the worker. While a worker holds the run it is
a future; when nothing else is left to do, the run is parked and costs a row.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from sage_studio.engine.errors import WAIT_EXPIRED
from sage_studio.engine.records import iso, signal_key
from sage_studio.kernel import Json, JsonObject
from sage_studio.sdk import NodeError

if TYPE_CHECKING:
    from sage_studio.engine.context import RunContext
    from sage_studio.engine.run import ActiveRun

# An event loop's timer takes no more than this many seconds on some platforms.
_LONGEST_TIMER_S = 86_400.0
SHORTEST_PARKED_S = 5.0


class Waiting:
    """Signals that came and futures of those that wait."""

    def __init__(self, run: ActiveRun) -> None:
        self._run = run
        self._signals: dict[str, Json] = dict(run.progress.signals)
        self._futures: dict[str, asyncio.Future[Any]] = {}
        self._until: dict[str, float | None] = {}
        self._parking: asyncio.TimerHandle | None = None

    def deliver(self, key: str, payload: Json) -> None:
        """A signal has come."""
        self._signals.setdefault(key, payload)
        future = self._futures.get(key)
        if future is not None and not future.done():
            future.set_result(None)

    def close(self) -> None:
        if self._parking is not None:
            self._parking.cancel()

    async def wait(
        self, context: RunContext, name: str, until: float | None, details: JsonObject, *, for_signal: bool
    ) -> Json:
        """Wait until the signal ``name`` has come or ``until`` has passed; the wait is on disk first.

        Raises NodeError ``node.wait_expired`` when a signal did not come in time.
        """
        entry = context.waits.get(name)
        if entry is not None and entry.get("done"):
            return cast(Json, entry.get("payload"))
        key = signal_key(context.node_id, context.iteration_path, name)
        if entry is None:
            entry = {"since": self._run.now(), **details}
            if until is not None:
                entry["until"] = until
            if for_signal:
                entry["signal"] = key
            context.waits[name] = entry
            if key not in self._signals:
                context.note_waiting(name, _shown(entry))
                await self._run.journal.flush()
        elif key not in self._signals:
            # Taken up, the attempt has told that it began: who watches must hear that it waits still.
            context.tell_waiting(name, _shown(entry))
        until = entry.get("until")
        if key not in self._signals:
            await self._until_woken(key, until, context)
        payload = self._signals.get(key)
        if for_signal and key not in self._signals:
            raise NodeError(WAIT_EXPIRED, {"timeout_s": round((until or 0) - entry["since"], 3)})
        entry.update(done=True, payload=payload)
        context.note_working()
        return payload

    async def _until_woken(self, key: str, until: float | None, context: RunContext) -> None:
        run = self._run
        if context.cancelled:
            # The run came to rest while the wait was on its way to disk.
            raise asyncio.CancelledError
        future = run.loop.create_future()
        self._futures[key], self._until[key] = future, until
        slots = context.slots
        if slots is not None:
            slots.release()
        run.at_work -= 1
        try:
            with context.clock_stopped():
                self._plan_parking()
                while not future.done():
                    left = None if until is None else until - run.now()
                    if left is not None and left <= 0:
                        return
                    wake = None
                    if left is not None:
                        wake = run.loop.call_later(min(left, _LONGEST_TIMER_S), _rouse, future)
                    try:
                        await future
                    finally:
                        if wake is not None:
                            wake.cancel()
                    if key not in self._signals and until is not None and run.now() < until:
                        future = self._futures[key] = run.loop.create_future()
        finally:
            run.at_work += 1
            del self._futures[key], self._until[key]
        if slots is not None:
            await slots.take()

    def next_at(self, deadline_at: float | None = None) -> float | None:
        """The next moment something waits for."""
        known = [until for until in (*self._until.values(), deadline_at) if until is not None]
        return min(known) if known else None

    def _plan_parking(self) -> None:
        """Look again in a while whether anything but waits is left."""
        after_s = self._run.options.park_after_s
        if after_s is not None and self._parking is None:
            self._parking = self._run.loop.call_later(after_s, self._park)

    def _park(self) -> None:
        self._parking = None
        run = self._run
        if not self._until or run.is_stopping:
            return
        wake_at = self.next_at(run.deadline_at)
        if run.is_idle() and (wake_at is None or wake_at - run.now() > SHORTEST_PARKED_S):
            run.park(wake_at)
        else:
            self._plan_parking()


def _rouse(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


def _shown(entry: JsonObject) -> JsonObject:
    """What people are told of a wait."""
    shown = {key: value for key, value in entry.items() if key not in {"since", "until"}}
    if isinstance(until := entry.get("until"), (int, float)):
        shown["until"] = iso(until)
    return shown
