"""Containers on the canvas: nodes are dragged in, wired from the inside, and run round by round."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Somebody, Team

pytestmark = pytest.mark.timeout(400)

LOOP: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Big ones",
    "nodes": [
        {
            "id": "each",
            "type": "map_each",
            "pos": [0, 0],
            "size": [460, 240],
            "config": {"items": [1, 5, 9, 12], "parallelism": 2},
        },
        {
            "id": "big",
            "type": "if_else",
            "pos": [40, 340],
            "config": {"condition": "{{ inputs.value > 4 }}"},
        },
    ],
    "edges": [],
    "outputs": [{"name": "results", "value": "{{ each.results }}"}],
}


def test_a_node_dragged_into_a_container_runs_once_per_item(team: Team) -> None:
    flow_id = team.new_flow(LOOP)
    page = team.editor.open_flow(flow_id)
    team.owner.open_flow(flow_id)
    expect(team.editor.node("each")).to_contain_text("Drag nodes in here")
    _drag(page, team.editor.node("big"), team.editor.node("each").locator("[data-container-body]"))
    team.editor.wait_saved()
    assert _node(team, flow_id, "big")["parent"] == "each"
    expect(team.owner.node("each")).not_to_contain_text("Drag nodes in here")
    _connect(team.editor, "each", "port-out-item", "big", "port-in-value")
    _connect(team.editor, "big", "port-out-true", "each", "port-in-result")
    team.editor.wait_saved()
    edges = {edge["id"] for edge in team.definition(flow_id)["edges"]}
    assert edges == {"each:item>big:value", "big:true>each:result"}
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=120_000)
    for person in (team.editor, team.owner):
        expect(person.node("big")).to_contain_text("×4")
    run = team.owner.call("GET", f"/runs?flow_id={flow_id}")["items"][0]
    outputs = team.owner.call("GET", f"/runs/{run['id']}")["outputs"]
    assert outputs == {"results": [None, 5, 9, 12]}
    _picture(page, "container")


def test_a_moved_container_takes_its_nodes_along_and_undo_brings_all_back(team: Team) -> None:
    inside = [
        dict(node, parent="each", pos=[120, 110]) if node["id"] == "big" else node for node in LOOP["nodes"]
    ]
    flow_id = team.new_flow({**LOOP, "name": "Moves", "nodes": inside})
    page = team.editor.open_flow(flow_id)
    before = {node["id"]: node.get("pos", [0, 0]) for node in team.definition(flow_id)["nodes"]}
    head = team.editor.node("each").get_by_text("Map each", exact=True)
    box = head.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 65, box["y"] + 85, steps=8)
    page.mouse.up()
    team.editor.wait_saved()
    after = {node["id"]: node.get("pos", [0, 0]) for node in team.definition(flow_id)["nodes"]}
    by = [after["each"][0] - before["each"][0], after["each"][1] - before["each"][1]]
    assert by != [0, 0]
    assert [after["big"][0] - before["big"][0], after["big"][1] - before["big"][1]] == by
    page.keyboard.press("Control+z")
    team.editor.wait_saved()
    assert {node["id"]: node.get("pos", [0, 0]) for node in team.definition(flow_id)["nodes"]} == before
    team.editor.node("each").get_by_text("Map each", exact=True).click()
    page.keyboard.press("Delete")
    expect(team.editor.node("big")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(team.editor.node("big")).to_be_visible()


def test_a_connection_out_of_a_container_is_refused_with_a_reason(team: Team) -> None:
    inside = [
        dict(node, parent="each", pos=[120, 110]) if node["id"] == "big" else node for node in LOOP["nodes"]
    ]
    outside = {"id": "after", "type": "if_else", "pos": [560, 80]}
    flow_id = team.new_flow({**LOOP, "name": "Outward", "nodes": [*inside, outside]})
    page = team.editor.open_flow(flow_id)
    source = team.editor.node("big").get_by_test_id("port-out-true")
    target = team.editor.node("after").get_by_test_id("port-in-value")
    _aim(page, source, target)
    expect(page.get_by_text("Connect it to the container's result instead")).to_be_visible()
    page.mouse.up()
    team.editor.wait_saved()
    assert team.definition(flow_id).get("edges", []) == []


def _node(team: Team, flow_id: str, node_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(n for n in team.definition(flow_id)["nodes"] if n["id"] == node_id)
    return found


def _centre(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _aim(page: Page, source: Locator, target: Locator) -> None:
    """Press on one place and move to another, without letting go."""
    source.hover(force=True)
    page.mouse.down()
    x, y = _centre(target)
    page.mouse.move(x - 30, y - 10, steps=6)
    page.mouse.move(x, y, steps=4)


def _drag(page: Page, source: Locator, target: Locator) -> None:
    _aim(page, source, target)
    page.mouse.up()


def _connect(person: Somebody, source: str, out: str, target: str, into: str) -> None:
    _drag(person.page, person.node(source).get_by_test_id(out), person.node(target).get_by_test_id(into))


def _picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SAGE_TEST_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
