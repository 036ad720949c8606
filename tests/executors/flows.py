"""Flows that every executor runs with the same results."""

from __future__ import annotations

from typing import Any

from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Node
from tests.engine import nodes as engine_nodes
from tests.engine.nodes import flow, node
from tests.executors import nodes as executor_nodes

TEST_NODES: dict[str, type[Node]] = {**engine_nodes.NODES, **executor_nodes.NODES}


def all_types() -> NodeRegistry:
    """The product's node types and those of the tests."""
    builtin = builtin_registry()
    types = [builtin.get(spec.id) for spec in builtin.specs()]
    return NodeRegistry([*(cls for cls in types if cls is not None), *TEST_NODES.values()])


FLOWS: dict[str, dict[str, Any]] = {
    "a diamond with a branch that is not taken": flow(
        [
            node("a", "adder", by=1), node("fork", "forked"), node("left", "adder", by=10),
            node("right", "adder", by=20), node("join", "join"),
        ],
        ["a>fork", "fork:yes>left", "fork:no>right", "left>join:values", "right>join:values"],
    ),
    "items, by text and by object": flow(
        [
            node("list", "say", text=[1, 2, 3]),
            node("one", "items", what="{{ item * 2 + index }}"),
            node("two", "items", what={"n": "{{ item }}", "of": "{{ list.value.length }}", "$k": 1}),
        ],
        ["list>one", "list>two"],
    ),
    "items that JavaScript computes": flow(
        [
            node("list", "say", text=[{"at": "2024-05-01", "tag": "a-b"}, {"at": "1960-05-01", "tag": "c"}]),
            node("kept", "data_filter", condition="{{ new Date(item.at).getTime() > list.value.length }}"),
            node("made", "data_map", fields={"ms": "{{ new Date(item.at).getTime() }}", "n": "{{ index }}"}),
            node("all", "data_reduce", initial="", expression="{{ total + item.tag.replace(/-/g, '') }}"),
            node("two", "items", what="{{ item.tag }}"),
            node("bad", "data_map", fields={"x": "{{ item.tag.match(/(c)/)[1] }}"}, on_error="continue"),
        ],
        [
            "list>kept:items", "kept:items>made:items", "list>all:items", "list>two", "list>bad:items",
        ],
    ),
    "a map with a body, and a failure that is caught": flow(
        [
            node("map", "map_each", items=[1, 2, 3], parallelism=2),
            {**node("add", "adder", by=5), "parent": "map"},
            {**node("again", "adder", by="{{ add.value }}"), "parent": "map"},
            node("safe", "try_catch"),
            {**node("bad", "complain", how="crash"), "parent": "safe"},
            {**node("mend", "echo", text="mended"), "parent": "safe"},
        ],
        ["map:item>add", "add>again", "map:results>safe:value", "safe:catch>mend"],
    ),
    "retries and the error port": flow(
        [
            node("odd", "complain", retry={"count": 2, "delay_s": 0}, on_error="route"),
            node("os", "complain", how="os", on_error="route"),
            node("asked", "complain", how="asked", on_error="route"),
            node("shape", "complain", how="shape", on_error="route"),
            node("flaky", "flaky", failures=1, retry={"count": 1, "delay_s": 0}),
            node("shown", "echo"),
        ],
        ["odd:error>shown"],
    ),
    "a failure nobody handles": flow([node("a", "adder"), node("bad", "complain")], ["a>bad"]),
    "everything a context offers, and a secret said aloud": flow(
        [node("talk", "chatty"), node("leak", "leak"), node("parts", "parts")], []
    ),
}  # fmt: skip

TIME_LIMIT = flow([node("slow", "crunch", seconds=30, timeout_s=2.5)], [])
