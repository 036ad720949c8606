"""More groups than memory is meant for: most of them wait in the blob store until the stream has ended.

When the groups at hand are too many they are put away in parts by the hash of their key, and new ones
begin. At the end each part is put together by itself (Graefe, "Query Evaluation Techniques for Large
Databases", 1993, hybrid hashing) and written, in order, into a scratch file that has no name, so that it is
gone with its process; the files are then read side by side. Blobs named by a checkpoint survive a crash.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack
from heapq import merge
from itertools import islice
from typing import IO, Any

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.support.groups import CalculatedColumn, Groups
from sage_studio.sdk import Context

HELD_GROUPS = 200_000
HELD_VALUES = 1_000_000
PARTS = 32
_GIVEN_AT_ONCE = 2_000
_MIME = "application/json"

SortKey = Callable[[dict[str, Any]], Any]


class SpillingGroups:
    """``add`` chunks, then take the ``rows``: those of ``Groups``, in the order in which groups first came
    or by ``sort_key``."""

    def __init__(
        self,
        ctx: Context,
        by: list[str],
        calculations: Sequence[CalculatedColumn],
        *,
        held_groups: int = HELD_GROUPS,
    ) -> None:
        self._ctx = ctx
        self._by = by
        self._calculations = calculations
        self._held_groups = held_groups
        self._groups = self._fresh()
        self._before = 0
        # Of every time that groups were put away: the number before its first group, a blob for each part.
        self._away: list[tuple[int, list[str]]] = []
        self.count = 0

    def _fresh(self) -> Groups:
        return Groups(self._by, self._calculations, limit=None)

    async def add(self, items: Sequence[Any]) -> None:
        """Raises NodeError ``data_group.too_many`` for more values of one calculation than fit."""
        groups = self._groups
        groups.add(items)
        if len(groups) > self._held_groups or groups.held > HELD_VALUES:
            await self._put_away()

    async def _put_away(self) -> None:
        groups, self._groups = self._groups, self._fresh()
        parts = await self._ctx.in_thread(_packed, groups)
        self._away.append((self._before, [await self._ctx.blobs.put(part, mime=_MIME) for part in parts]))
        self._before += len(groups)

    async def rows(
        self, sort_key: SortKey | None = None, *, reverse: bool = False
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """All groups, some at a time."""
        if not self._away:
            rows = await self._ctx.in_thread(self._groups.rows)
            if sort_key is not None:
                rows.sort(key=sort_key, reverse=reverse)
            self.count = len(rows)
            yield rows
            return
        await self._put_away()
        order = _Order(sort_key, reverse=reverse)
        with ExitStack() as files:
            runs = []
            for number in range(PARTS):
                # Nameless: nothing is left of it, however the process ends.
                run = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
                blobs = [(before, await self._ctx.blobs.get(keys[number])) for before, keys in self._away]
                self.count += await self._ctx.in_thread(self._write_run, run, blobs, order)
                runs.append(run)
            ordered = merge(*map(_read_run, runs), key=order.of_entry, reverse=reverse)
            while some := await self._ctx.in_thread(_next_rows, ordered):
                yield some

    def _write_run(self, run: IO[str], blobs: list[tuple[int, bytes]], order: _Order) -> int:
        """Put one part together and write its groups in order; how many they are."""
        groups, numbers = self._fresh(), list[int]()
        for before, blob in blobs:
            part = json.loads(blob)
            known = len(groups)
            places = groups.absorb(part)
            new = sorted((at, before + number) for at, number in zip(places, part["numbers"], strict=True))
            numbers += [number for at, number in new if at >= known]
        entries = sorted(zip(numbers, groups.rows(), strict=True), key=order.of_entry, reverse=order.reverse)
        run.writelines(json.dumps(entry) + "\n" for entry in entries)
        run.seek(0)
        return len(entries)

    def state(self) -> JsonObject:
        """JSON for a checkpoint; ``load`` takes it back."""
        away: list[Json] = [[before, list[Json](keys)] for before, keys in self._away]
        return {"groups": self._groups.state(), "before": self._before, "away": away}

    def load(self, state: Any) -> None:
        self._groups.load(state["groups"])
        self._before = state["before"]
        self._away = [(before, list(keys)) for before, keys in state["away"]]


class _Order:
    """What comes first: by the key, then by the number, in both directions as a list is sorted."""

    def __init__(self, key: SortKey | None, *, reverse: bool) -> None:
        self._key = key
        self.reverse = reverse

    def of_entry(self, entry: Sequence[Any]) -> Any:
        number, row = entry
        if self._key is None:
            return number
        return self._key(row), -number if self.reverse else number


def _packed(groups: Groups) -> list[bytes]:
    return [json.dumps(part).encode() for part in groups.parts(PARTS)]


def _read_run(run: IO[str]) -> Iterator[Any]:
    return map(json.loads, run)


def _next_rows(ordered: Iterator[Any]) -> list[dict[str, Any]]:
    return [row for _number, row in islice(ordered, _GIVEN_AT_ONCE)]
