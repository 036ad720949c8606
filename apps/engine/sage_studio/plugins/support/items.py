"""Lists of items as they travel between nodes: what counts as one, and loops that can be stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from sage_studio.kernel import SageError, define_error
from sage_studio.sdk import Context, NodeError, Settings

T = TypeVar("T")
_FEW = 4
NOT_A_LIST = define_error(
    "node.not_a_list",
    3101,
    en="The input “{port}” must be a list of items, but it is {kind}.",
    zh="输入“{port}”必须是列表，但实际为 {kind}。",
    hint_en="Connect a port that carries a list, such as the rows of a file.",
    hint_zh="请连接输出列表的端口，例如文件的数据行。",
    status=422,
)
ITEM_FAILED = define_error(
    "node.item_failed",
    3102,
    en="Item {index}: {message}",
    zh="第 {index} 项：{message}",
    hint_en="Items count from 0. Check the expression against this item's own values.",
    hint_zh="序号从 0 开始。请对照该项的实际值检查表达式。",
    status=422,
)
STOPPED = define_error("node.stopped", 3103, en="The run was stopped.", zh="运行已被停止。", status=409)

OBJECTS = (dict, Mapping)
"""For ``isinstance``: what is a dict, as nearly all items are, is known without asking the abstract class."""

_CHECK_EVERY = 2_000


def as_items(value: Any, port: str) -> list[Any]:
    """The list behind an input; one object counts as a list of one.

    Raises NodeError ``node.not_a_list``.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        return [value]
    if value is None:
        return []
    raise NodeError(NOT_A_LIST, {"port": port, "kind": type(value).__name__}, path=f"inputs.{port}")


async def over_items(ctx: Context, settings: Settings, name: str, items: list[Any]) -> list[Any]:
    """A per-item field for every item, away from the loop unless they are few; says how far it is and ends
    early when the run is stopped.

    Raises NodeError ``node.item_failed`` and ``node.stopped``, and SageError ``sandbox.*``.
    """
    found: list[Any] = []
    for start in range(0, len(items), _CHECK_EVERY):
        if start:
            if ctx.cancelled:
                raise NodeError(STOPPED)
            ctx.progress(start, len(items))
        part = items[start : start + _CHECK_EVERY]
        try:
            if len(items) <= _FEW or settings.hands_over(name):
                found += await settings.over(name)(part, start)
            else:
                found += await ctx.in_thread(settings.each(name), part, start)
        except SageError as error:
            raise each_error(error, start) from error
    return found


def watched(ctx: Context, items: list[Any]) -> Iterator[tuple[int, Any]]:
    """The items with their index; says how far it is and ends early when the run is stopped.

    Raises NodeError ``node.stopped``.
    """
    total = len(items)
    for index, item in enumerate(items):
        if index % _CHECK_EVERY == 0 and index:
            if ctx.cancelled:
                raise NodeError(STOPPED)
            ctx.progress(index, total)
        yield index, item


def yes_or_no(values: list[Any]) -> list[bool]:
    """``is_true`` of every value; quick where they are what conditions give."""
    if set(map(type, values)) <= {bool}:
        return values
    return [is_true(value) for value in values]


def each_error(error: SageError, start: int) -> SageError:
    """``item_error`` for an expression over many items, whose fault knows the item; an error of the sandbox,
    which is about all of them, as it is."""
    if error.code.code.startswith("sandbox."):
        return error
    index = error.facts.get("item")
    return item_error(error, index if isinstance(index, int) else start)


def item_error(error: SageError, index: int) -> NodeError:
    """The same failure with the place of the item it happened on."""
    return NodeError(ITEM_FAILED, {"index": index, "message": error.message(), "cause": error.code.code})


def is_true(value: Any) -> bool:
    """Whether a condition's value counts as yes: JavaScript's rule, and the words for no."""
    if isinstance(value, str):
        return value.strip().lower() not in {"", "false", "0", "no", "null", "undefined"}
    if isinstance(value, float) and math.isnan(value):
        return False
    if isinstance(value, (list, dict)):
        return True
    return bool(value)


def at_path(item: Any, path: str) -> Any:
    """The value at a dotted path of an item, or None; a key that itself has dots wins."""
    if isinstance(item, OBJECTS) and path in item:
        return item[path]
    value = item
    for step in path.split("."):
        if isinstance(value, OBJECTS):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
