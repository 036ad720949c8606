"""What containers share: their ports, the items they go over, and the field for a round's result."""

from __future__ import annotations

from typing import Any

from sage_studio.plugins.support.items import as_items
from sage_studio.sdk import Field, Port, text

MAX_ITERATIONS = 1_000_000
MONTH_S = 30 * 86_400.0

RESULT = Port(name="result", type="any", label=text("Result of a round", "本轮结果"))
ITEM = Port(name="item", type="any", label=text("Item", "当前项"))
INDEX = Port(name="index", type="integer", label=text("Number, from 0", "序号（从 0 起）"))
PREVIOUS = Port(name="previous", type="any", label=text("Result of the round before", "上一轮结果"))


def items_field() -> Field:
    return Field(
        name="items",
        type="any",
        label=text("Items", "列表"),
        help=text("A list, or how many times.", "列表，或重复次数。"),
        required=True,
        wireable=True,
        control="json",
    )


def result_field() -> Field:
    return Field(
        name="result",
        type="any",
        label=text("Result of a round", "本轮结果"),
        help=text(
            "Only needed when nothing inside is connected to the result.",
            "仅当内部没有连线到结果端口时需要。",
        ),
        expression="body",
        expert=True,
        control="code",
        placeholder=text("{{ node_id.value }}", "{{ node_id.value }}"),
    )


def rounds(value: Any) -> list[Any]:
    """The items behind the field: a list, one object, or the numbers below a count."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return list(range(max(0, min(int(value), MAX_ITERATIONS))))
    return as_items(value, "items")
