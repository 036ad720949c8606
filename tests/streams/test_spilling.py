"""Groups that do not fit are those of all items together, in the same order, also when begun anew halfway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

from hypothesis import given, settings, strategies as st

from sage_studio.plugins.builtin.processing.data_group import _group, _order, parse_aggregate
from sage_studio.plugins.local_host import LocalBlobs
from sage_studio.plugins.support.aggregates import CALCULATIONS
from sage_studio.plugins.support.spilling import SpillingGroups
from sage_studio.sdk import Context
from tests.streams.stages import PlainContext

CALLS = {
    "n": "count()",
    "total": "sum(v)",
    "mean": "mean(v)",
    "least": "min(v)",
    "most": "max(w)",
    "first": "first(w)",
    "last": "last(w)",
    "all": "list(v)",
    "kinds": "distinct(w)",
}
KEYS = st.sampled_from([None, 1, 1.0, True, "1", "", "数据", [1], {"a": 1}, 2.5, -3])
ITEMS = st.lists(
    st.fixed_dictionaries(
        {"k": KEYS, "l": st.integers(0, 9), "v": st.integers(-99, 99), "w": st.sampled_from(["a", "b", "7"])}
    ),
    max_size=60,
)


class BlobContext(PlainContext):
    def __init__(self) -> None:
        super().__init__()
        self.blobs = LocalBlobs()

    async def in_thread(self, function: Any, *args: Any) -> Any:
        return function(*args)


async def grouped(
    items: list[Any], by: list[str], sort_by: str, *, size: int, held: int, again_at: int
) -> list[Any]:
    context = BlobContext()
    calculations = [
        (a.name, a.path, CALCULATIONS[a.kind]) for a in (parse_aggregate(*call) for call in CALLS.items())
    ]

    def fresh() -> SpillingGroups:
        return SpillingGroups(cast(Context, context), by, calculations, held_groups=held)

    groups = fresh()
    try:
        for number, at in enumerate(range(0, len(items), size)):
            if number == again_at:
                state = json.loads(json.dumps(groups.state()))
                groups = fresh()
                groups.load(state)
            await groups.add(items[at : at + size])
        key, reverse = _order(sort_by)
        found = [row async for rows in groups.rows(key, reverse=reverse) for row in rows]
        assert groups.count == len(found)
        return found
    finally:
        context.blobs.close()


def at_once(items: list[Any], by: list[str], sort_by: str) -> Sequence[Any]:
    aggregates = [parse_aggregate(*call) for call in CALLS.items()]
    groups = _group(cast(Context, PlainContext()), items, by, aggregates)
    key, reverse = _order(sort_by)
    return groups if key is None else sorted(groups, key=key, reverse=reverse)


@settings(max_examples=60, deadline=None)
@given(
    items=ITEMS,
    by=st.sampled_from([[], ["k"], ["l"], ["k", "l"]]),
    sort_by=st.sampled_from(["", "n", "-n", "-l"]),
    size=st.integers(1, 9),
    held=st.integers(0, 6),
    again_at=st.integers(-1, 5),
)
def test_groups_put_away_and_taken_back_are_those_of_all_items_at_once(
    *, items: list[Any], by: list[str], sort_by: str, size: int, held: int, again_at: int
) -> None:
    found = asyncio.run(grouped(items, by, sort_by, size=size, held=held, again_at=again_at))
    assert found == at_once(items, by, sort_by)
