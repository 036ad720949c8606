"""Joins two lists by equal values, as databases do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.items import OBJECTS, as_items
from sage_studio.plugins.support.keys import keys_at
from sage_studio.sdk import (
    Choice,
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

MAX_RIGHT = 1_000_000
MAX_OF_ONE = 100_000

NO_KEYS = define_error(
    "data_join.no_keys",
    3910,
    en="Say which fields must be equal: {left} on the left and {right} on the right are named.",
    zh="请指定要比较的字段：目前左侧 {left} 个，右侧 {right} 个。",
    hint_en="Name as many fields on the left as on the right, or leave the right ones empty when they are "
    "called the same.",
    hint_zh="左右两侧的字段数量必须相同；若字段名一致，右侧可留空。",
    status=422,
)
TOO_MANY = define_error(
    "data_join.too_many",
    3911,
    en="{what} The limit is {limit}.",
    zh="{what_zh}上限为 {limit}。",
    hint_en="Put the longer list on the left, or filter the right one first.",
    hint_zh="请将较长的列表放在左侧，或先过滤右侧列表。",
    status=422,
)


class DataJoin(ChunkNode):
    """The left list may be a stream of any length; the right one is held in memory. As in SQL a missing
    value equals nothing, not even another missing one."""

    takes: ClassVar[str] = "left"

    spec = NodeSpec(
        id="data_join",
        name=text("Join", "关联"),
        description=text(
            "Puts items of two lists together where their fields are equal.",
            "将两个列表中指定字段相同的数据项合并在一起。",
        ),
        category="processing",
        icon="merge",
        deterministic=True,
        inputs=(
            Port(name="left", type="array<any>", label=text("Left", "左侧"), required=True, streams=True),
            Port(name="right", type="array<any>", label=text("Right", "右侧"), required=True),
        ),
        outputs=(
            Port(name="items", type="array<any>", label=text("Joined", "关联结果"), streams=True),
            Port(
                name="unmatched", type="array<any>", label=text("Left alone", "未匹配的左侧项"), streams=True
            ),
        ),
        config=(
            Field(
                name="left_by",
                type="array",
                label=text("Fields on the left", "左侧字段"),
                default=[],
                required=True,
                control="list",
                expression="never",
            ),
            Field(
                name="right_by",
                type="array",
                label=text("Fields on the right", "右侧字段"),
                help=text("Empty: called as on the left.", "留空则与左侧同名。"),
                default=[],
                control="list",
                expression="never",
            ),
            Field(
                name="kind",
                label=text("Keep", "保留"),
                default="inner",
                control="select",
                expression="never",
                options=(
                    Choice(value="inner", label=text("Matches only", "仅匹配项")),
                    Choice(value="left", label=text("All of the left", "全部左侧项")),
                    Choice(value="right", label=text("All of the right", "全部右侧项")),
                    Choice(value="full", label=text("All of both", "两侧全部")),
                ),
            ),
            Field(
                name="prefix",
                label=text("Prefix of the right fields", "右侧字段前缀"),
                help=text(
                    "Put in front of right fields that the left item has as well. Empty: the left value "
                    "stays.",
                    "加在与左侧重名的右侧字段之前。留空则保留左侧的值。",
                ),
                default="",
                expression="never",
                placeholder=text("customer_", "customer_"),
            ),
        ),
        summary=text("{kind} by {left_by}", "{kind}，按 {left_by}"),
        example={
            "config": {"left_by": ["customer"], "right_by": ["id"], "prefix": "c_"},
            "inputs": {"left": [{"id": 7, "customer": 1}], "right": [{"id": 1, "name": "Ada"}]},
            "outputs": {"items": [{"id": 7, "customer": 1, "c_id": 1, "name": "Ada"}], "unmatched": []},
        },
    )

    def __init__(self) -> None:
        self._used: set[int] = set()

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._left_by = settings.texts("left_by")
        right_by = settings.texts("right_by") or self._left_by
        if not self._left_by or len(right_by) != len(self._left_by):
            raise NodeError(NO_KEYS, {"left": len(self._left_by), "right": len(right_by)})
        self._kind, self._prefix = settings.text("kind"), settings.text("prefix")
        self._right = as_items(inputs.get("right"), "right")
        if len(self._right) > MAX_RIGHT:
            facts: dict[str, Json] = {"what": "The right list is too long.", "what_zh": "右侧列表过长。"}
            raise NodeError(TOO_MANY, {**facts, "limit": MAX_RIGHT})
        self._places = await ctx.in_thread(_places, self._right, right_by)

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        joined, alone = Chunk(), Chunk()
        for item in chunk:
            key = keys_at(item, self._left_by)
            places = () if _is_missing(key) else self._places.get(key, ())
            if len(places) > MAX_OF_ONE:
                facts: dict[str, Json] = {
                    "what": "One left item meets too many right ones.",
                    "what_zh": "单个左侧项匹配的右侧项过多。",
                }
                raise NodeError(TOO_MANY, {**facts, "limit": MAX_OF_ONE})
            joined.extend(_joined(item, self._right[place], self._prefix) for place in places)
            if self._kind in ("right", "full"):
                self._used.update(places)
            if not places:
                alone.append(item)
                if self._kind in ("left", "full"):
                    joined.append(item)
        return {"items": joined, "unmatched": alone}

    async def finish(self) -> AsyncIterator[NodeOutput]:
        if self._kind in ("right", "full"):
            yield {"items": Chunk(item for at, item in enumerate(self._right) if at not in self._used)}

    def snapshot(self) -> Json:
        return list[Json](sorted(self._used))

    def restore(self, state: Any) -> None:
        self._used = set(state)


def _places(items: list[Any], by: Sequence[str]) -> dict[Any, list[int]]:
    places: dict[Any, list[int]] = {}
    for at, item in enumerate(items):
        key = keys_at(item, by)
        if not _is_missing(key):
            places.setdefault(key, []).append(at)
    return places


def _is_missing(key: Any) -> bool:
    return key is None or (isinstance(key, tuple) and any(part is None for part in key))


def _joined(left: Any, right: Any, prefix: str) -> Any:
    if not isinstance(left, OBJECTS) or not isinstance(right, OBJECTS):
        return {"left": left, "right": right}
    renamed = {(f"{prefix}{name}" if name in left else name): value for name, value in right.items()}
    return {**left, **{name: value for name, value in renamed.items() if name not in left}}
