"""A run in people's hands: answered, paused, resumed, taken up where it failed."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.people import Team

pytestmark = pytest.mark.timeout(400)
RUN_TIMEOUT_MS = 180_000


def _flow(name: str, nodes: list[dict[str, Any]], edges: list[str], **more: Any) -> dict[str, Any]:
    """A flow; an edge is written ``a:out>b:in``."""
    wires = []
    for edge in edges:
        (source, source_port), (target, target_port) = (end.split(":") for end in edge.split(">"))
        wires.append(
            {"source": source, "source_port": source_port, "target": target, "target_port": target_port}
        )
    placed = [{"pos": [240 * i, 80], **node} for i, node in enumerate(nodes)]
    return {"schema": "sage-studio/flow@1", "name": name, "nodes": placed, "edges": wires, **more}


def test_an_approval_given_by_one_lets_everyones_run_go_on(team: Team) -> None:
    flow_id = team.new_flow(
        _flow(
            "Sign off",
            [
                {"id": "ask", "type": "wait", "config": {"mode": "approval", "message": "Send the offer?"}},
                {"id": "after", "type": "if_else", "config": {"condition": "{{ ask.payload.approved }}"}},
            ],
            ["ask:payload>after:value"],
            outputs=[{"name": "comment", "value": "{{ ask.payload.comment }}"}],
        )
    )
    for person in (team.owner, team.editor, team.viewer):
        person.open_flow(flow_id)
    team.owner.page.get_by_test_id("run").click()
    for person in (team.editor, team.viewer):
        expect(person.node("ask")).to_have_attribute("data-state", "waiting", timeout=RUN_TIMEOUT_MS)
        person.node("ask").click()
        expect(person.page.get_by_test_id("run-waits")).to_contain_text("Send the offer?")
    expect(team.viewer.page.get_by_role("button", name="Approve")).to_have_count(0)
    waits = team.editor.page.get_by_test_id("run-waits")
    waits.get_by_label("Comment").fill("Go ahead")
    waits.get_by_role("button", name="Approve").click()
    for person in (team.owner, team.viewer):
        expect(person.page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)
    run = team.owner.call("GET", f"/runs?flow_id={flow_id}")["items"][0]
    assert team.owner.call("GET", f"/runs/{run['id']}")["outputs"] == {"comment": "Go ahead"}


def test_a_run_is_paused_by_one_and_resumed_by_another(team: Team) -> None:
    flow_id = team.new_flow(
        _flow(
            "Takes a while",
            [
                # It waits for a person: a wait for a time could be over before Pause is pressed.
                {"id": "slow", "type": "wait", "config": {"mode": "approval", "message": "Still?"}},
                {"id": "after", "type": "if_else", "config": {"condition": True}},
            ],
            ["slow:payload>after:value"],
        )
    )
    team.owner.open_flow(flow_id)
    team.editor.open_flow(flow_id)
    team.owner.page.get_by_test_id("run").click()
    expect(team.editor.node("slow")).to_have_attribute("data-state", "waiting", timeout=RUN_TIMEOUT_MS)
    team.owner.page.get_by_test_id("pause-run").click()
    resume = team.editor.page.get_by_test_id("resume-run")
    expect(resume).to_be_visible(timeout=RUN_TIMEOUT_MS)
    resume.click()
    expect(team.editor.page.get_by_test_id("pause-run")).to_be_visible(timeout=RUN_TIMEOUT_MS)
    team.editor.node("slow").click()
    waits = team.editor.page.get_by_test_id("run-waits")
    waits.get_by_role("button", name="Approve").click(timeout=RUN_TIMEOUT_MS)
    for person in (team.owner, team.editor):
        expect(person.page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)


def test_a_failed_run_goes_on_with_the_mended_flow_from_where_it_failed(team: Team) -> None:
    flow_id = team.new_flow(
        _flow(
            "Mended on the way",
            [
                {"id": "first", "type": "wait", "config": {"mode": "time", "seconds": 0}},
                {"id": "breaks", "type": "loop_for", "config": {"items": "{{ 7 + '' }}"}},
            ],
            ["first:value>breaks:items"],
        )
    )
    page = team.owner.open_flow(flow_id)
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Failed", timeout=RUN_TIMEOUT_MS)
    mended: dict[str, Any] = {"schema": "sage-studio/patch@1", "base": None, "summary": "Mend it"}
    mended["operations"] = [
        {"op": "remove_edge", "id": "first:value>breaks:items"},
        {"op": "set", "node": "breaks", "path": ["config", "items"], "value": [1, 2], "was": "{{ 7 + '' }}"},
    ]
    team.owner.call("POST", f"/flows/{flow_id}/patches", mended)
    page.get_by_role("button", name="More ways to run").click()
    page.get_by_test_id("redrive").click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Run 2", timeout=RUN_TIMEOUT_MS)
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)
