"""Runs taken up again from where they failed or from a node, as they were or with a newer flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, Run, RunEvent
from apps.flows.models import Flow
from apps.flows.services import definition_ensure
from sage_studio.flow import parse_plain
from tests.executions import ledger
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


def body(path: Path, *, fails: bool, **more: Any) -> dict[str, Any]:
    """``a`` → ``b`` → ``c`` and ``a`` → ``d``; ``b`` fails if it is to, ``c`` reads ``a`` too."""

    def node(node_id: str, give: Any, **config: Any) -> dict[str, Any]:
        settings = {"path": str(path), "give": give, **config}
        return {"id": node_id, "type": "test_ledger", "config": settings, **more.get(node_id, {})}

    nodes = [
        node("a", 1),
        node("b", "{{ a.value + 1 }}", fail=fails),
        node("c", "{{ a.value + b.value }}"),
        node("d", "{{ a.value * 10 }}"),
    ]
    return definition(nodes, ["a:value>b:value", "b:value>c:value", "a:value>d:value"])


def did(path: Path) -> list[str]:
    """Which nodes really ran, in order of their names."""
    return sorted(line[0] for line in ledger.lines(path))


def redrive(people: World, run: Run, **more: Any) -> tuple[int, dict[str, Any]]:
    url = f"{people.url}/runs/{run.pk}/commands"
    answer = people.editor.client.post(url, {"command": "redrive", **more})
    return answer.status_code, answer.json()


def run_once(people: World, flow: Flow) -> Run:
    return wait_for(start(people.editor.person, flow).pk)


def change(flow: Flow, document: dict[str, Any]) -> None:
    """Let the flow be drawn like this from now on."""
    newer = definition_ensure(workspace_id=flow.workspace_id, document=parse_plain(document))
    Flow.objects.filter(pk=flow.pk).update(definition=newer)


def test_a_failed_run_goes_on_from_its_failed_node_with_a_mended_flow(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, body(path, fails=True))
    failed = run_once(people, flow)
    assert failed.state == "failed"
    d_ran = NodeRun.objects.filter(run=failed, node_id="d", state="completed").exists()
    before = did(path)
    change(flow, body(path, fails=False))
    status, shown = redrive(people, failed, version="current")
    assert (status, shown["trigger"], shown["retry_of"]) == (202, "redrive", str(failed.pk))
    ended = wait_for(shown["id"])
    assert ended.state == "completed", ended.error
    again = did(path)
    for node_id in before:
        again.remove(node_id)
    assert again == (["b", "c"] if d_ran else ["b", "c", "d"])
    assert ended.outputs == {"c": {"value": 3}, "d": {"value": 10}}
    reused = NodeRun.objects.filter(run=ended, is_reused=True).values_list("node_id", flat=True)
    assert sorted(reused) == (["a", "d"] if d_ran else ["a"])
    events = list(RunEvent.objects.filter(run=ended).order_by("seq").values_list("seq", "type"))
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    assert [type_ for _, type_ in events][:2] == ["run_queued", "node_completed"]


def test_a_failed_run_fails_again_where_it_failed_when_nothing_has_changed(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, body(path, fails=True))
    failed = run_once(people, flow)
    change(flow, body(path, fails=False))
    ended = wait_for(redrive(people, failed)[1]["id"])
    assert ended.state == "failed"
    assert did(path).count("a") == 1
    assert did(path).count("b") == 2
    assert ended.definition_id == failed.definition_id


def test_a_completed_run_goes_on_from_the_node_that_is_named(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, body(path, fails=False))
    first = run_once(people, flow)
    assert redrive(people, first)[1]["code"] == "run.redrive_nothing"
    assert redrive(people, first, from_node="nowhere")[1]["code"] == "run.redrive_node"
    ended = wait_for(redrive(people, first, from_node="b")[1]["id"])
    assert ended.outputs == first.outputs
    assert did(path) == ["a", "b", "b", "c", "c", "d"]


@pytest.mark.parametrize(
    ("changes", "again"),
    [
        ({"d": {"name": "Another name", "pos": [5, 5]}}, []),
        ({"d": {"retry": {"count": 3}}}, ["d"]),
        ({"a": {"timeout_s": 7.0}}, ["a", "b", "c", "d"]),
    ],
)
def test_what_changed_runs_again_and_all_that_comes_after(
    people: World, worker: RunWorker, tmp_path: Path, changes: dict[str, Any], again: list[str]
) -> None:
    path = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, body(path, fails=False))
    first = run_once(people, flow)
    change(flow, body(path, fails=False, **changes))
    status, shown = redrive(people, first, version="current")
    if again:
        ended = wait_for(shown["id"])
        assert ended.outputs == first.outputs
    else:
        assert (status, shown["code"]) == (409, "run.redrive_nothing")
    assert did(path) == sorted(["a", "b", "c", "d", *again])


def test_a_node_that_is_new_runs_and_one_that_is_gone_is_left_out(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, body(path, fails=False))
    first = run_once(people, flow)
    newer = body(path, fails=False)
    newer["nodes"] = [node for node in newer["nodes"] if node["id"] != "d"]
    newer["edges"] = [edge for edge in newer["edges"] if edge["target"] != "d"]
    newer["nodes"].append(
        {"id": "e", "type": "test_ledger", "config": {"path": str(path), "give": "{{ c.value + 1 }}"}}
    )
    newer["edges"] += definition([], ["c:value>e:value"])["edges"]
    change(flow, newer)
    ended = wait_for(redrive(people, first, version="current")[1]["id"])
    assert ended.outputs == {"e": {"value": 4}}, ended.error
    assert did(path) == ["a", "b", "c", "d", "e"]


def test_a_cancelled_run_goes_on_with_what_was_not_done(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    slow = body(path, fails=False)
    slow["nodes"][1]["config"]["seconds"] = 60
    flow = make_flow(people.editor.person, people.workspace, slow)
    run = start(people.editor.person, flow)
    give_up = 0
    while "b" not in did(path) and give_up < 500:
        give_up += 1
        worker.wake()
        wait_for(run.pk, "running")
    people.editor.client.post(f"{people.url}/runs/{run.pk}/commands", {"command": "cancel"})
    ended = wait_for(run.pk)
    assert ended.state == "cancelled"
    change(flow, body(path, fails=False))
    again = wait_for(redrive(people, ended, version="current")[1]["id"])
    assert again.state == "completed"
    assert did(path).count("a") == 1


def mapped(path: Path, gate: Path, kind: str) -> dict[str, Any]:
    """Four items, each with a loop of two turns inside; from the third on ``two`` needs the gate."""
    step = {"path": str(path), "give": "{{ item * 10 }}"}
    needs = f"{{{{ each.item >= 3 ? '{gate}' : '' }}}}"
    nodes = [
        {"id": "each", "type": kind, "config": {"items": [1, 2, 3, 4]}},
        {"id": "inner", "type": "loop_for", "parent": "each", "config": {"items": [1, 2]}},
        {"id": "one", "type": "test_ledger", "parent": "inner", "config": step},
        {"id": "two", "type": "test_ledger", "parent": "each",
         "config": {"path": str(path), "give": "{{ each.item }}", "needs": needs}},
        {"id": "end", "type": "test_ledger", "config": {"path": str(path), "give": "{{ each.results }}"}},
    ]  # fmt: skip
    return definition(nodes, ["inner:results>two:value", "each:results>end:value"])


def finished(run: Run, node_id: str) -> int:
    return NodeRun.objects.filter(run=run, node_id=node_id, state="completed", outer_path=None).count()


@pytest.mark.parametrize("kind", ["loop_for", "map_each"])
def test_a_container_that_failed_goes_on_with_what_did_not_finish_in_it(
    people: World, worker: RunWorker, tmp_path: Path, kind: str
) -> None:
    path, gate = tmp_path / "ledger", tmp_path / "gate"
    flow = make_flow(people.editor.person, people.workspace, mapped(path, gate, kind))
    failed = run_once(people, flow)
    assert failed.state == "failed"
    before = did(path)
    gate.touch()
    ended = wait_for(redrive(people, failed)[1]["id"])
    assert ended.state == "completed", ended.error
    assert ended.outputs == {"end": {"value": [1, 2, 3, 4]}}
    again = did(path)
    for node_id in before:
        again.remove(node_id)
    missing = {"one": 8 - finished(failed, "one"), "two": 4 - finished(failed, "two"), "end": 1}
    assert {node_id: again.count(node_id) for node_id in missing} == missing
    assert finished(failed, "one") >= 4, "otherwise the test shows nothing"


def test_a_container_that_was_changed_starts_afresh(people: World, worker: RunWorker, tmp_path: Path) -> None:
    path, gate = tmp_path / "ledger", tmp_path / "gate"
    flow = make_flow(people.editor.person, people.workspace, mapped(path, gate, "loop_for"))
    failed = run_once(people, flow)
    gate.touch()
    newer = mapped(path, gate, "loop_for")
    newer["nodes"][2]["config"]["give"] = "{{ item }}"
    change(flow, newer)
    before = len(did(path))
    ended = wait_for(redrive(people, failed, version="current")[1]["id"])
    assert ended.state == "completed", ended.error
    assert len(did(path)) - before == 8 + 4 + 1
