"""The documented entry points."""

from __future__ import annotations

import pytest

from sage_studio.engine import FlowEngine, FlowState, LocalExecutor
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import SageError
from sage_studio.sdk import Node
from tests.engine.nodes import HOST, NODES, flow, node


class Library:
    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        return NODES.get(type_id)

    def spec(self, type_id: str, version: str | None = None) -> NodeSpec | None:
        found = NODES.get(type_id)
        return found.spec if found else None

    def specs(self) -> list[NodeSpec]:
        return [found.spec for found in NODES.values()]


ENGINE = FlowEngine(Library())


async def test_a_flow_goes_from_json_to_its_result() -> None:
    graph = ENGINE.parse(flow([node("s", "start"), node("a", "add", by="{{ s.value.n }}")]))
    compiled = ENGINE.compile(ENGINE.optimize(graph))
    with LocalExecutor(HOST, workers=2) as executor:
        result = await executor.run(compiled, {"n": 4})
    assert result.state is FlowState.COMPLETED
    assert result.outputs["a"] == {"value": 4}


def test_validation_names_every_place_and_warnings_do_not_count() -> None:
    body = flow([node("a", "nope"), node("b", "add")], ["b>a"])
    result = ENGINE.validate(ENGINE.parse(body))
    assert not result.is_valid
    assert any(issue.node_id == "a" for issue in result.issues)
    assert ENGINE.validate(ENGINE.parse(flow([node("b", "add")]))).is_valid


def test_text_that_is_no_flow_is_refused_by_name() -> None:
    with pytest.raises(SageError) as caught:
        ENGINE.parse("{not a flow")
    assert caught.value.code.code.startswith("flow.")


def test_the_optimiser_says_what_it_left_out_and_off_changes_nothing() -> None:
    body = flow([node("a", "add"), node("x", "crash", disabled=True)], ["a>x", "a>x"])
    graph = ENGINE.parse(body)
    tidy = ENGINE.optimize(graph)
    assert [kept.id for kept in tidy.document.nodes] == ["a"]
    assert len(tidy.notes) == 2
    untouched = ENGINE.parse(body | {"settings": {"optimise": "off"}})
    assert ENGINE.optimize(untouched) is untouched


def test_levels_show_what_may_run_at_once() -> None:
    compiled = ENGINE.compile(ENGINE.parse(flow([node(n, "add") for n in "abcd"], ["a>b", "a>c", "c>d"])))
    assert compiled.levels() == [["a"], ["b", "c"], ["d"]]
