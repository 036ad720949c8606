"""Puts items with equal values together and counts, sums or averages each group."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.aggregates import CALCULATIONS, number_of, tidy
from sage_studio.plugins.support.items import as_items, at_path, watched
from sage_studio.plugins.support.keys import equal_key
from sage_studio.plugins.support.spilling import SortKey, SpillingGroups
from sage_studio.sdk import (
    Chunk,
    ChunkNode,
    Context,
    Field,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

BAD_AGGREGATE = define_error(
    "data_group.bad_aggregate",
    3111,
    en="“{text}” is not a calculation the group node knows.",
    zh="分组节点无法识别计算“{text}”。",
    hint_en="Write count(), sum(amount), mean(amount), min(amount), max(amount), first(name), last(name), "
    "list(name) or distinct(name).",
    hint_zh="请使用 count()、sum(amount)、mean(amount)、min(amount)、max(amount)、first(name)、last(name)、"
    "list(name) 或 distinct(name)。",
    status=422,
)

_CALL = re.compile(r"^\s*([a-z]+)\s*(?:\(\s*(.*?)\s*\))?\s*$", re.DOTALL)
Reducer: TypeAlias = Callable[[list[Any]], Json]


def _numbers(values: list[Any]) -> list[float]:
    return [number for value in values if (number := number_of(value)) is not None]


def _extreme(values: list[Any], pick: Callable[..., Any]) -> Json:
    present = [value for value in values if value is not None]
    numbers = _numbers(present)
    if numbers and len(numbers) == len(present):
        return tidy(pick(numbers))
    texts: str | None = pick((str(value) for value in present), default=None)
    return texts


def _mean(values: list[Any]) -> Json:
    numbers = _numbers(values)
    return tidy(sum(numbers) / len(numbers)) if numbers else None


def _distinct(values: list[Any]) -> Json:
    return len({equal_key(value) for value in values if value is not None})


_REDUCERS: dict[str, Reducer] = {
    "count": len,
    "sum": lambda values: tidy(sum(_numbers(values))),
    "mean": _mean,
    "avg": _mean,
    "min": lambda values: _extreme(values, min),
    "max": lambda values: _extreme(values, max),
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "list": list,
    "distinct": _distinct,
}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One calculated column: ``reduce`` over the values at ``path`` (all items when empty); ``kind``
    is its name in a stream, where values are taken in as they come."""

    name: str
    path: str
    kind: str
    reduce: Reducer


def parse_aggregate(name: str, source: Any) -> Aggregate:
    """Read ``sum(amount)``. Raises NodeError ``data_group.bad_aggregate``."""
    match = _CALL.match(source) if isinstance(source, str) else None
    reducer = _REDUCERS.get(match[1]) if match else None
    path = (match[2] or "") if match else ""
    if reducer is None or (not path and match and match[1] != "count"):
        raise NodeError(BAD_AGGREGATE, {"text": str(source)}, path=f"config.aggregates.{name}")
    assert match is not None, "there is no reducer without a match"
    return Aggregate(name, path.removeprefix("item."), match[1], reducer)


class DataGroup(ChunkNode):
    """Groups keep the order in which their first item came, unless sorted.

    Of a stream only the groups are kept, and given when it ends; more than memory is meant for wait in
    the workspace's store (``spilling``).
    """

    spec = NodeSpec(
        id="data_group",
        name=text("Group", "分组汇总"),
        description=text(
            "Puts items with equal values together and calculates over each group.",
            "将字段值相同的数据项归为一组，并对每组进行计算。",
        ),
        category="processing",
        icon="group",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="items", type="array<object>", label=text("Groups", "分组"), streams=True),
            Port(name="count", type="integer", label=text("Number of groups", "分组数量")),
        ),
        config=(
            Field(
                name="by",
                type="array",
                label=text("Group by", "分组字段"),
                help=text(
                    "Names of the fields whose values make a group; a.b reaches inside. Empty: all in one.",
                    "按这些字段的值分组；可用 a.b 访问内层字段。留空则全部归为一组。",
                ),
                default=[],
                control="list",
                expression="never",
            ),
            Field(
                name="aggregates",
                type="object",
                label=text("Calculate", "计算"),
                help=text(
                    "Name of the result and one of count() sum(x) mean(x) min(x) max(x) first(x) last(x) "
                    "list(x) distinct(x).",
                    "结果名称以及计算方式：count() sum(x) mean(x) min(x) max(x) first(x) last(x) list(x) "
                    "distinct(x)。",
                ),
                default={"count": "count()"},
                control="key_value",
                placeholder=text("sum(amount)", "sum(amount)"),
                expression="never",
            ),
            Field(
                name="sort_by",
                label=text("Sort by", "排序字段"),
                help=text(
                    "A field of the result; a minus in front sorts downwards.",
                    "结果中的字段；前加减号表示降序。",
                ),
                default="",
                placeholder=text("-total", "-total"),
                expression="never",
            ),
        ),
        summary=text("by {by}", "按 {by}"),
        example={
            "config": {"by": ["team"], "aggregates": {"points": "sum(points)"}},
            "inputs": {"items": [{"team": "a", "points": 1}, {"team": "a", "points": 2}]},
            "outputs": {"items": [{"team": "a", "points": 3}], "count": 1},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        items = as_items(inputs.get("items"), "items")
        settings = Settings(self.spec, ctx, inputs)
        sources = settings.mapping("aggregates")
        aggregates = [parse_aggregate(name, source) for name, source in sources.items()]
        groups = await ctx.in_thread(_group, ctx, items, settings.texts("by"), aggregates)
        key, reverse = _order(settings.text("sort_by"))
        if key is not None:
            groups.sort(key=key, reverse=reverse)
        return {"items": groups, "count": len(groups)}

    def __init__(self) -> None:
        self._groups: SpillingGroups | None = None
        self._held: Any = None

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        aggregates = [
            parse_aggregate(name, source) for name, source in settings.mapping("aggregates").items()
        ]
        calculations = [(a.name, a.path, CALCULATIONS[a.kind]) for a in aggregates]
        self._groups = SpillingGroups(ctx, settings.texts("by"), calculations)
        self._sort_by = settings.text("sort_by")
        if self._held is not None:
            self._groups.load(self._held)

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        assert self._groups is not None, "opened before"
        await self._groups.add(chunk)
        return {}

    async def finish(self) -> AsyncIterator[NodeOutput]:
        assert self._groups is not None, "opened before"
        key, reverse = _order(self._sort_by)
        async for rows in self._groups.rows(key, reverse=reverse):
            yield {"items": Chunk(rows)}
        yield {"count": self._groups.count}

    def snapshot(self) -> Json:
        return self._groups.state() if self._groups is not None else self._held

    def restore(self, state: Any) -> None:
        self._held = state


def _group(
    ctx: Context, items: list[Any], by: list[str], aggregates: list[Aggregate]
) -> list[dict[str, Any]]:
    members: dict[Any, list[Any]] = {}
    for _index, item in watched(ctx, items):
        key = tuple(equal_key(at_path(item, path)) for path in by)
        members.setdefault(key, []).append(item)
    groups = []
    for group in members.values():
        row = {path: at_path(group[0], path) for path in by}
        for aggregate in aggregates:
            values = [at_path(item, aggregate.path) for item in group] if aggregate.path else group
            row[aggregate.name] = aggregate.reduce(values)
        groups.append(row)
    return groups


def _order(sort_by: str) -> tuple[SortKey | None, bool]:
    """How groups are sorted, and whether downwards; no key for the order in which they came."""
    name = sort_by.strip().removeprefix("-")
    if not name:
        return None, False
    return lambda group: _sort_key(group.get(name)), sort_by.strip().startswith("-")


def _sort_key(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (1, float(value), "")
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))
