"""More items than memory is meant for, put in order: sorted runs wait in the blob store and are merged.

Blobs named by a checkpoint survive a crash; while they are merged each is read from a scratch file that
has no name, so that it is gone with its process.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from typing import IO, Any

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.support.keys import Order
from sage_studio.sdk import Context

HELD_ITEMS = 200_000
_GIVEN_AT_ONCE = 2_000
_MIME = "application/x-ndjson"


class SpillingSort:
    """``add`` items, then take them ``in_order``; equal items keep the order in which they came."""

    def __init__(self, ctx: Context, order: Order, *, held_items: int = HELD_ITEMS) -> None:
        self._ctx = ctx
        self._order = order
        self._held_items = held_items
        self._items: list[Any] = []
        self._away: list[str] = []

    async def add(self, items: Sequence[Any]) -> None:
        self._items.extend(items)
        if len(self._items) > self._held_items:
            await self._put_away()

    async def _put_away(self) -> None:
        items, self._items = self._items, []
        self._away.append(
            await self._ctx.blobs.put(await self._ctx.in_thread(self._packed, items), mime=_MIME)
        )

    def _packed(self, items: list[Any]) -> bytes:
        return b"".join(json.dumps(item).encode() + b"\n" for item in self._order.sorted(items))

    async def in_order(self) -> AsyncIterator[list[Any]]:
        """All items, some at a time."""
        items = await self._ctx.in_thread(self._order.sorted, self._items)
        if not self._away:
            yield items
            return
        with ExitStack() as files:
            runs = []
            for key in self._away:
                # Nameless: nothing is left of it, however the process ends.
                run = files.enter_context(tempfile.TemporaryFile())
                await self._ctx.in_thread(run.write, await self._ctx.blobs.get(key))
                run.seek(0)
                runs.append(_read(run))
            ordered = merge(*runs, items, key=self._order.key)
            while some := await self._ctx.in_thread(_next, ordered):
                yield some

    def state(self) -> JsonObject:
        """JSON for a checkpoint; ``load`` takes it back."""
        return {"items": list[Json](self._items), "away": list[Json](self._away)}

    def load(self, state: Any) -> None:
        self._items, self._away = list(state["items"]), list(state["away"])


def _read(run: IO[bytes]) -> Iterator[Any]:
    return map(json.loads, run)


def _next(ordered: Iterator[Any]) -> list[Any]:
    return list(islice(ordered, _GIVEN_AT_ONCE))
