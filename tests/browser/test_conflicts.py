"""Two people change the same thing at once, a third looks on; everybody ends with the same flow.

"At once" is made certain, not hoped for: both are cut off from the network, change what they want,
and come back. At the end each page copies its whole canvas as text, which is its own projection,
and all of them must equal the definition the server runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Somebody, Team

pytestmark = pytest.mark.timeout(400)

LEFT, RIGHT, PROMPT, START = "notify_left", "notify_right", "llm_prompt", "manual_trigger_start"
_COPY = """() => {
    const data = new DataTransfer();
    const copy = new ClipboardEvent("copy", {clipboardData: data, bubbles: true, cancelable: true});
    document.body.dispatchEvent(copy);
    return data.getData("text/plain");
}"""
_PASTE = """(text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    document.body.dispatchEvent(paste);
}"""


def drawing(name: str, *more: dict[str, Any]) -> dict[str, Any]:
    """A start, a prompt, and two notices that may feed each other."""
    nodes = [
        {"id": START, "type": "manual_trigger", "name": "Begin", "pos": [0, 0]},
        {"id": PROMPT, "type": "llm", "name": "Think", "pos": [260, 0], "config": {"prompt": "Say: "}},
        {"id": LEFT, "type": "notify", "name": "Left", "pos": [0, 160], "config": {"title": "L"}},
        {"id": RIGHT, "type": "notify", "name": "Right", "pos": [260, 160], "config": {"title": "R"}},
    ]
    return {"schema": "sage-studio/flow@1", "name": name, "nodes": [*nodes, *more], "edges": []}


@contextmanager
def apart(*people: Somebody) -> Iterator[None]:
    """Nobody hears of anybody until the end; what they do stays on their devices."""
    for person in people:
        person.context.set_offline(True)
    for person in people:
        expect(person.page.get_by_test_id("save-state")).to_contain_text("Offline")
    yield
    for person in people:
        person.context.set_offline(False)


def whole(page: Page) -> dict[str, Any]:
    """The page's own projection, taken as a person would: select everything, copy."""
    page.keyboard.press("Escape")
    page.evaluate("() => document.activeElement?.blur()")
    page.keyboard.press("Control+a")
    text = page.evaluate(_COPY)
    page.keyboard.press("Escape")
    read: dict[str, Any] = json.loads(text) if text else {"nodes": [], "edges": [], "notes": []}
    return read


def essence(flow: dict[str, Any]) -> dict[str, Any]:
    """Without what is said by leaving it out, so that two ways of writing one flow are equal."""
    nodes = [
        {key: value for key, value in node.items() if value not in ("", {}, None, [0, 0])}
        for node in flow.get("nodes", [])
    ]
    return {
        "nodes": sorted(nodes, key=lambda node: str(node["id"])),
        "edges": sorted(edge["id"] for edge in flow.get("edges", [])),
        "notes": sorted(note["id"] for note in flow.get("notes", [])),
    }


def agree(team: Team, flow: str, pages: Sequence[Page]) -> dict[str, Any]:
    """Wait until every page shows exactly what the server has; return it."""
    for page in pages:
        expect(page.get_by_test_id("save-state")).to_contain_text(re.compile("Saved|Read-only"))
    for _ in range(300):
        server = essence(team.definition(flow))
        seen = [essence(whole(page)) for page in pages]
        if seen == [server] * len(seen):
            return server
        pages[0].wait_for_timeout(100)
    server = essence(team.definition(flow))
    seen = [essence(whole(page)) for page in pages]
    assert seen == [server] * len(seen)
    return server


def opened(team: Team, definition: dict[str, Any]) -> tuple[str, list[Page]]:
    flow = team.new_flow(definition)
    return flow, [person.open_flow(flow) for person in team]


def draw(person: Somebody, source: str, target: str) -> None:
    """Drag from the output of one notice to the input of another, as a hand does."""
    start = person.node(source).get_by_test_id("port-out-value").bounding_box()
    end = person.node(target).get_by_test_id("port-in-value").bounding_box()
    assert start is not None
    assert end is not None
    mouse = person.page.mouse
    mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    mouse.down()
    mouse.move(end["x"] - 20, end["y"] + 4, steps=4)
    mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=3)
    mouse.up()


def rename(person: Somebody, node: str, name: str) -> None:
    person.node(node).click()
    person.page.keyboard.press("F2")
    person.node(node).locator("input").fill(name)
    person.page.keyboard.press("Enter")


def prompt_of(person: Somebody) -> Any:
    person.node(PROMPT).click()
    return person.page.get_by_test_id("text-prompt").locator(".cm-content")


def test_one_deletes_a_node_while_another_works_in_it(team: Team) -> None:
    """The deletion wins, the one at work is told whose it was, and brings node and work back."""
    flow, pages = opened(team, drawing("Delete and edit"))
    prompt_of(team.editor).click()
    with apart(team.owner, team.editor):
        team.owner.node(PROMPT).click()
        team.owner.page.keyboard.press("Delete")
        expect(team.owner.node(PROMPT)).to_have_count(0)
        team.editor.page.keyboard.press("Control+End")
        team.editor.page.keyboard.type("my work")
    gone = team.editor.page.get_by_test_id("gone-node")
    expect(gone).to_contain_text("Olga deleted “Think”")
    gone.get_by_role("button", name="Bring it back").click()
    after = agree(team, flow, pages)
    prompts = [node["config"].get("prompt") for node in after["nodes"] if node["id"] == PROMPT]
    assert prompts == ["Say: my work"]


def test_two_halves_of_a_cycle(team: Team) -> None:
    flow, pages = opened(team, drawing("Cycle"))
    with apart(team.owner, team.editor):
        draw(team.owner, LEFT, RIGHT)
        expect(team.owner.page.locator(".react-flow__edge")).to_have_count(1)
        draw(team.editor, RIGHT, LEFT)
        expect(team.editor.page.locator(".react-flow__edge")).to_have_count(1)
    after = agree(team, flow, pages)
    assert len(after["edges"]) == 1


def test_two_connections_to_one_single_port(team: Team) -> None:
    flow, pages = opened(team, drawing("One port", *others(1)))
    with apart(team.owner, team.editor):
        draw(team.owner, LEFT, "notify_0")
        draw(team.editor, RIGHT, "notify_0")
    after = agree(team, flow, pages)
    assert len(after["edges"]) == 1


def others(count: int) -> list[dict[str, Any]]:
    """Notices in rows below the drawing."""
    return [
        {"id": f"notify_{i}", "type": "notify", "pos": [180 * (i % 12), 300 + 100 * (i // 12)]}
        for i in range(count)
    ]


def test_a_hundred_nodes_are_moved_by_two_at_once(team: Team) -> None:
    flow, pages = opened(team, drawing("A hundred", *others(96)))
    before = essence(team.definition(flow))
    with apart(team.owner, team.editor):
        for person, steps in ((team.owner, ["ArrowRight"] * 3), (team.editor, ["ArrowDown"] * 2)):
            person.page.get_by_test_id("canvas").click(position={"x": 12, "y": 12})
            person.page.keyboard.press("Control+a")
            for step in steps:
                person.page.keyboard.press(f"Shift+{step}")
    after = agree(team, flow, pages)
    places = [[node.get("pos", [0, 0]) for node in flow["nodes"]] for flow in (before, after)]
    moved = {(new[0] - old[0], new[1] - old[1]) for old, new in zip(*places, strict=True)}
    assert moved <= {(48, 0), (0, 32)}
    assert len(after["nodes"]) == 100


def test_two_people_retype_one_prompt(team: Team) -> None:
    flow, pages = opened(team, drawing("Retype"))
    with apart(team.owner, team.editor):
        for person, text in ((team.owner, "From Olga."), (team.editor, "From Emil.")):
            prompt_of(person).click()
            person.page.keyboard.press("Control+a")
            person.page.keyboard.type(text)
    after = agree(team, flow, pages)
    prompt = next(node["config"]["prompt"] for node in after["nodes"] if node["id"] == PROMPT)
    assert sorted([prompt[:10], prompt[10:]]) == ["From Emil.", "From Olga."]
    with apart(team.editor):
        prompt_of(team.editor).click()
        team.editor.page.keyboard.press("Control+End")
        # Slower than one batch, so that each letter is kept upon the one before it.
        team.editor.page.keyboard.type(" Offline.", delay=40)
        expect(team.editor.page.get_by_test_id("save-state")).to_contain_text("1 change kept")
        team.editor.page.goto("about:blank")
    team.editor.open_flow(flow)
    after = agree(team, flow, pages)
    assert next(node["config"]["prompt"] for node in after["nodes"] if node["id"] == PROMPT) == (
        f"{prompt} Offline."
    )


def test_what_cannot_be_sent_is_offered(team: Team) -> None:
    """After a demotion, and when the flow is gone: exactly what was not acknowledged."""
    flow = team.new_flow(drawing("Offered"))
    page = team.editor.open_flow(flow)
    members = {
        item["person"]["name"]: item["person"]["id"] for item in team.owner.call("GET", "/members")["items"]
    }
    kept = page.get_by_test_id("kept-changes")
    rename(team.editor, LEFT, "Acknowledged")
    team.editor.wait_saved()
    try:
        with apart(team.editor):
            rename(team.editor, RIGHT, "Late")
            team.owner.call("PATCH", f"/members/{members['Emil']}", {"role": "viewer"})
        kept.get_by_role("button").click()
        expect(page.get_by_test_id("kept-list")).to_have_text("Renamed “Right” to “Late”")
        expect(page.get_by_test_id("save-state")).to_contain_text("Read-only")
        expect(team.editor.node(RIGHT)).not_to_contain_text("Late")
    finally:
        team.owner.call("PATCH", f"/members/{members['Emil']}", {"role": "editor"})
    page.get_by_role("button", name="Put them in now").click()
    expect(team.editor.node(RIGHT)).to_contain_text("Late")
    team.editor.wait_saved()
    names = {node.get("name") for node in team.definition(flow)["nodes"]}
    assert {"Acknowledged", "Late"} <= names
    with apart(team.editor):
        rename(team.editor, LEFT, "Too late")
        team.owner.call("DELETE", f"/flows/{flow}")
    expect(kept).to_contain_text("The flow was deleted")
    expect(team.editor.node(LEFT)).to_contain_text("Too late")
    page.reload()
    expect(page.get_by_test_id("flow-closed")).to_contain_text("1 change of yours was not saved")


def test_one_pastes_while_another_undoes(team: Team) -> None:
    """The copies stay, the undo takes back its own, and both may be undone on."""
    flow, pages = opened(team, drawing("Paste and undo"))
    rename(team.owner, LEFT, "Renamed")
    expect(team.editor.node(LEFT)).to_contain_text("Renamed")
    text = json.dumps(whole(team.editor.page))
    with apart(team.owner, team.editor):
        team.editor.page.evaluate(_PASTE, text)
        team.owner.page.keyboard.press("Control+z")
        expect(team.owner.node(LEFT)).to_contain_text("Left")
    after = agree(team, flow, pages)
    assert sorted(node.get("name", "") for node in after["nodes"]).count("Renamed") == 1
    assert len(after["nodes"]) == 8
    team.editor.page.keyboard.press("Control+z")
    assert len(agree(team, flow, pages)["nodes"]) == 4


def test_an_hour_offline_and_a_merge(team: Team) -> None:
    """Emil's machine sleeps for an hour with work on it; an undo from before a reload still works."""
    flow = team.new_flow(drawing("An hour"))
    # A page of its own, because its clock is not the others' any more.
    emil = replace(team.editor, page=team.editor.context.new_page())
    emil.page.clock.install()
    pages = [person.open_flow(flow) for person in (team.owner, emil, team.viewer)]
    with apart(emil):
        rename(emil, RIGHT, "Offline")
        expect(emil.page.get_by_test_id("save-state")).to_contain_text("kept on this device")
        rename(team.owner, LEFT, "Online")
        team.owner.wait_saved()
        emil.page.clock.fast_forward("01:00:00")
    after = agree(team, flow, pages)
    assert {"Offline", "Online"} <= {node.get("name") for node in after["nodes"]}
    emil.open_flow(flow)
    emil.page.keyboard.press("Control+z")
    expect(team.owner.node(RIGHT)).to_contain_text("Right")
    after = agree(team, flow, pages)
    assert {"Right", "Online"} <= {node.get("name") for node in after["nodes"]}
    emil.page.close()


def test_two_tabs_of_one_person(team: Team) -> None:
    """What one tab could not send before it was closed, the other one sends; nothing comes twice."""
    flow, pages = opened(team, drawing("Two tabs"))
    second = team.editor.context.new_page()
    second.goto(pages[1].url)
    expect(second.get_by_test_id("save-state")).to_contain_text("Saved")
    text = json.dumps({"schema": "sage-studio/flow@1", "nodes": others(1), "edges": [], "notes": []})
    with apart(team.editor):
        expect(second.get_by_test_id("save-state")).to_contain_text("Offline")
        second.evaluate(_PASTE, text)
        expect(second.get_by_test_id("save-state")).to_contain_text("1 change kept")
        rename(team.editor, LEFT, "First tab")
        second.close()
    expect(team.owner.node(LEFT)).to_contain_text("First tab")
    expect(team.viewer.page.locator("[data-node-type=notify]")).to_have_count(3)
    after = agree(team, flow, pages)
    assert len(after["nodes"]) == 5
