"""What the optimiser changes, what it leaves alone, and how it says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sage_studio.cli import main
from sage_studio.engine import compile_flow
from sage_studio.engine.optimise import Durations, LevelChanges, Report, measured_times, optimise, report_of
from sage_studio.engine.optimise.forecast import least_parallel
from sage_studio.flow import parse_plain
from tests.optimise.nodes import LIBRARY

# Roadmap 6.2.1: A, B, C and D one after the other, though C reads only A and D only B and C.
ROADMAP = Durations({"a": (5_000.0, 4), "b": (3_000.0, 4), "c": (2_000.0, 4), "d": (4_000.0, 4)})


def _edge(source: str, target: str, port: str = "after") -> dict[str, str]:
    return {"source": source, "source_port": "value", "target": target, "target_port": port}


def _node(node_id: str, reads: str | None = None, kind: str = "t_calc", **more: Any) -> dict[str, Any]:
    return {"id": node_id, "type": kind, "config": {"reads": reads}, **more}


def roadmap(**changed: dict[str, Any]) -> dict[str, Any]:
    nodes = [
        _node("a"),
        _node("b", "{{ a.value }}"),
        _node("c", "{{ a.value }}"),
        _node("d", "{{ [b.value, c.value] }}"),
    ]
    for node in nodes:
        node.update(changed.get(node["id"], {}))
    return {"nodes": nodes, "edges": [_edge("a", "b"), _edge("b", "c"), _edge("c", "d")]}


def changes(body: dict[str, Any], durations: Durations | None = None) -> LevelChanges:
    return optimise(compile_flow(parse_plain(body), LIBRARY, optimised=False), durations)


def report(body: dict[str, Any], durations: Durations | None = None) -> Report:
    return report_of(changes(body, durations))


def test_the_roadmap_s_chain_runs_two_nodes_at_once() -> None:
    told = report(roadmap(), ROADMAP)

    assert told["predicted"]["drawn_ms"] == 14_000
    assert told["predicted"]["optimised_ms"] == 12_000
    assert told["predicted"]["saved_share"] == pytest.approx(1 / 7, abs=1e-3)
    assert told["levels"] == [["a"], ["b", "c"], ["d"]]
    assert told["critical_path"] == ["a", "b", "d"]
    relaxed = next(one for one in told["changes"] if one["kind"] == "relaxed" and one["nodes"] == ["b", "c"])
    assert relaxed["saves_ms"] == 2_000
    assert relaxed["edges"] == [_edge("b", "c")]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"c": {"type": "t_act"}}, "has effects"),
        ({"b": {"type": "t_act"}}, "has effects"),
        ({"b": {"type": "t_maybe"}}, "may be skipped"),
        ({"b": {"on_error": "continue"}}, "may be skipped"),
        ({"b": {"disabled": True}}, "may be skipped"),
    ],
)
def test_a_connection_stays_where_something_could_tell_the_difference(
    changed: dict[str, Any], why: str
) -> None:
    told = report(roadmap(**changed))

    kept = next(one for one in told["kept"] if (one["source"], one["target"]) == ("b", "c"))
    assert why in kept["why"]["en"]
    assert not any(
        change["nodes"] == ["b", "c"] and change["kind"] == "relaxed" for change in told["changes"]
    )


def test_a_value_an_expression_reads_is_waited_for() -> None:
    body = roadmap(c={"config": {"reads": "{{ inputs.after }}"}})

    assert ["b", "c"] not in [one["nodes"] for one in report(body)["changes"] if one["kind"] == "relaxed"]


def test_a_disabled_node_hands_on_what_it_does_not_read() -> None:
    assert ["b", "c"] not in [one["nodes"] for one in report(roadmap(c={"disabled": True}))["changes"]]


def test_effects_keep_their_place_around_a_relaxed_connection() -> None:
    """w has an effect before s, e one behind t: t still waits for w, and e for s."""
    body = {
        "nodes": [_node("w", kind="t_act"), _node("s"), _node("t"), _node("e", kind="t_act")],
        "edges": [_edge("w", "s", "a"), _edge("s", "t"), _edge("t", "e", "a")],
    }
    plan = changes(body).plan
    pairs = {(node.id, plan.nodes[i].id) for node in plan.nodes for i in node.successors}

    assert ("s", "t") not in pairs
    assert {("w", "t"), ("s", "e"), ("t", "e"), ("w", "s")} <= pairs


def test_equal_work_is_told_once_with_its_reason_in_both_languages() -> None:
    body = {"nodes": [_node("one", "{{ 1 + 1 }}"), _node("two", "{{ 1 + 1 }}")], "edges": []}

    (shared,) = (change for change in report(body)["changes"] if change["kind"] == "shared")

    assert shared["nodes"] == ["one", "two"]
    assert shared["saves"] == "work"
    assert shared["what"] == {
        "en": "one → two: the same work, computed once.", "zh": "one → two：工作相同，只计算一次。",
    }  # fmt: skip


def test_what_no_turn_changes_is_told_with_its_loop() -> None:
    body = {
        "nodes": [
            {"id": "loop", "type": "loop_for", "config": {"items": [1, 2]}},
            _node("same", "{{ 3 }}", parent="loop"),
            _node("each", "{{ item }}", parent="loop"),
        ],
        "edges": [],
    }

    (hoisted,) = (change for change in report(body)["changes"] if change["kind"] == "hoisted")

    assert (hoisted["container"], hoisted["nodes"]) == ("loop", ["same"])


def test_unread_nodes_run_unless_the_flow_says_otherwise() -> None:
    body = {"nodes": [_node("read"), _node("idle")], "edges": [],
            "outputs": [{"name": "x", "value": "{{ read.value }}"}]}  # fmt: skip
    skipping = {**body, "settings": {"unread_nodes": "skip"}}

    assert changes(body).hints.unread == frozenset()
    assert changes(skipping).hints.unread == frozenset({1})
    assert [one["nodes"] for one in report(skipping)["changes"] if one["kind"] == "unread"] == [["idle"]]


def test_off_changes_nothing() -> None:
    told = report({**roadmap(), "settings": {"optimise": "off"}})

    assert (told["is_on"], told["changes"], told["kept"]) == (False, [], [])
    plan = compile_flow(parse_plain({**roadmap(), "settings": {"optimise": "off"}}), LIBRARY)
    assert plan.hints is None
    assert [len(node.successors) for node in plan.nodes] == [2, 2, 1, 0]


def test_a_time_budget_asks_for_no_more_parallelism_than_it_needs() -> None:
    body = {"nodes": [_node(f"n{i}", f"{{{{ {i} }}}}") for i in range(8)], "edges": []}
    durations = Durations({f"n{i}": (1_000.0, 1) for i in range(8)})
    found = changes(body, durations)

    assert least_parallel(found, 8_000)[:2] == (1, 8_000.0)
    assert least_parallel(found, 4_100)[:2] == (2, 4_000.0)
    assert least_parallel(found, 1_000)[:2] == (8, 1_000.0)
    assert not least_parallel(found, 900).is_enough


def test_measured_times_say_how_far_the_prediction_was_off() -> None:
    assert measured_times([], [3.0], 10.0) is None
    assert measured_times([90.0, 100.0, 110.0], [130.0, 150.0], 105.0) == {
        "runs": 3, "median_ms": 100.0, "drawn_runs": 2, "drawn_median_ms": 140.0, "off_by_share": 0.05,
    }  # fmt: skip


def test_the_command_says_it_in_words_and_as_json(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    path = tmp_path / "flow.json"
    same = {"type": "text_splitter"}
    flow = {"schema": "sage-studio/flow@1", "nodes": [{"id": "a", **same}, {"id": "b", **same}], "edges": []}
    path.write_text(json.dumps(flow))

    assert main(["optimise", str(path), "--within", "60"]) == 0
    words = capsys.readouterr().out
    assert main(["optimise", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert "the same work, computed once" in words
    assert "nodes at once are enough" in words
    assert told["schema"] == "sage-studio/optimisation@1"
    assert main(["optimise", str(tmp_path / "none.json")]) == 4
