"""Brings several branches together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

NOT_OBJECTS = define_error(
    "merge.not_objects",
    3121,
    en="Only objects can be combined, but “{node}” gave {kind}.",
    zh="只有对象可以合并，但“{node}”给出的是 {kind}。",
    hint_en="Choose another way to merge, or connect nodes that give objects.",
    hint_zh="请选择其他合并方式，或连接输出对象的节点。",
    status=422,
)


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value in ([], {})


def _all(values: list[tuple[str, Any]]) -> Any:
    return [value for _node, value in values]


def _first(values: list[tuple[str, Any]]) -> Any:
    return values[0][1] if values else None


def _any(values: list[tuple[str, Any]]) -> Any:
    return next((value for _node, value in values if not _is_empty(value)), None)


def _append(values: list[tuple[str, Any]]) -> Any:
    joined: list[Any] = []
    for _node, value in values:
        joined.extend(value if isinstance(value, list) else [value])
    return joined


def _zip(values: list[tuple[str, Any]]) -> Any:
    lists = [value if isinstance(value, list) else [value] for _node, value in values]
    return [list(entries) for entries in zip(*lists, strict=False)]


def _combine(values: list[tuple[str, Any]]) -> Any:
    combined: dict[str, Any] = {}
    for node, value in values:
        if not isinstance(value, Mapping):
            raise NodeError(NOT_OBJECTS, {"node": node, "kind": type(value).__name__})
        combined.update(value)
    return combined


def _by_node(values: list[tuple[str, Any]]) -> Any:
    return dict(values)


_MODES: dict[str, Callable[[list[tuple[str, Any]]], Any]] = {
    "first": _first,
    "any": _any,
    "all": _all,
    "append": _append,
    "zip": _zip,
    "combine": _combine,
    "by_node": _by_node,
}


class Merge(Node):
    """Waits until every incoming branch has come or is known not to come."""

    spec = NodeSpec(
        id="merge",
        name=text("Merge", "合并分支"),
        description=text(
            "Waits for all branches, then hands on one value made of those that came.",
            "等待所有分支结束，将到达的值合成一个值传递下去。",
        ),
        category="control",
        icon="merge",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="values", type="any", label=text("Branches", "分支"), required=True, multiple=True),
        ),
        outputs=(
            Port(name="value", type="any", label=text("Value", "值")),
            Port(name="count", type="integer", label=text("Branches that came", "到达的分支数")),
        ),
        config=(
            Field(
                name="mode",
                label=text("How", "方式"),
                help=text(
                    "Branches count in the order in which they were connected.", "分支按连线的先后顺序计算。"
                ),
                default="first",
                control="select",
                expression="never",
                options=(
                    Choice(value="first", label=text("The first that came", "第一个到达的值")),
                    Choice(value="any", label=text("The first that is not empty", "第一个非空的值")),
                    Choice(value="all", label=text("All as a list", "全部组成列表")),
                    Choice(value="append", label=text("Lists one after another", "首尾连接各列表")),
                    Choice(value="zip", label=text("Lists side by side", "按位置并列各列表")),
                    Choice(value="combine", label=text("Objects into one", "合并为一个对象")),
                    Choice(value="by_node", label=text("An object by node id", "以节点编号为键的对象")),
                ),
            ),
        ),
        summary=text("{mode}", "{mode}"),
        example={
            "config": {"mode": "append"},
            "inputs": {"values": [["a_1", [1]], ["b_1", [2, 3]]]},
            "outputs": {"value": [1, 2, 3], "count": 2},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        values = [(str(node), value) for node, value in inputs.get("values") or []]
        mode = Settings(self.spec, ctx, inputs).text("mode")
        return {"value": _MODES[mode](values), "count": len(values)}
