"""Three people in three browsers: owner, editor and viewer of one flow.

Names: Olga owns, Emil edits, Vera views.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Somebody, Team
from tests.browser.studio import Studio

TRIGGER, LLM, NOTIFY = "manual_trigger_aaaa", "llm_bbbb", "notify_cccc"

pytestmark = pytest.mark.timeout(400)


def drawing(name: str) -> dict[str, Any]:
    """A start, a model node with a prompt, and a notice; nothing connected yet."""
    return {
        "schema": "sage-studio/flow@1",
        "name": name,
        "nodes": [
            {"id": TRIGGER, "type": "manual_trigger", "name": "Begin", "pos": [0, 0]},
            {"id": LLM, "type": "llm", "name": "Think", "pos": [260, 0], "config": {"prompt": "Say: "}},
            {
                "id": NOTIFY,
                "type": "notify",
                "name": "Tell",
                "pos": [260, 160],
                "config": {"title": "Told", "body": "All is well"},
            },
        ],
        "edges": [],
    }


def test_people_join_by_link_with_the_role_of_the_link(team: Team) -> None:
    page = team.owner.go_in_workspace("/members")
    for name, role in (("Olga", "Owner"), ("Emil", "Editor"), ("Vera", "Viewer")):
        row = page.get_by_role("row").filter(has_text=name.lower() + "@example.org")
        expect(row).to_be_visible()
        shown = row.locator("input").first
        if shown.count():
            expect(shown).to_have_value(role)
        else:
            expect(row).to_contain_text(role)


def test_a_new_workspace_has_three_ready_flows(team: Team) -> None:
    page = team.viewer.go_in_workspace("/flows")
    for name in ("Ask your documents", "Clean a CSV", "Watch an address"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()


def test_everyone_sees_everyone_elses_cursor_and_name(team: Team) -> None:
    flow = team.new_flow(drawing("Cursors"))
    pages = {person.name: person.open_flow(flow) for person in team}
    for index, (name, page) in enumerate(pages.items()):
        # One after the other: a pointer that rests is hidden after twelve seconds.
        for other in (pages[other] for other in pages if other != name):
            _wave(page, 500 + 40 * index)
            expect(other.get_by_test_id("remote-cursor").filter(has_text=name)).to_be_visible()
        expect(page.get_by_test_id("people")).to_be_visible()
    editor = pages["Emil"]
    editor.get_by_test_id("people").get_by_role("button", name="Follow Olga").click()
    expect(editor.get_by_test_id("following")).to_contain_text("Olga")
    editor.keyboard.press("1")
    expect(editor.get_by_test_id("following")).to_have_count(0)


def _wave(page: Page, x: int) -> None:
    """Move the pointer over the canvas, away from every card."""
    page.mouse.move(x, 600)
    page.mouse.move(x + 5, 604, steps=3)
    page.mouse.move(x + 8, 600)


def test_two_people_draw_at_once_and_end_with_the_same_flow(team: Team) -> None:
    flow = team.new_flow(drawing("Together"))
    owner, editor, viewer = (person.open_flow(flow) for person in team)

    editor.get_by_test_id("palette-data_filter").drag_to(
        editor.get_by_test_id("canvas"), target_position={"x": 420, "y": 560}
    )
    _connect(team.owner, TRIGGER, "text", NOTIFY, "value")
    added = editor.locator("[data-node-type=data_filter]")
    expect(added).to_have_count(1)
    for page in (owner, viewer):
        expect(page.locator("[data-node-type=data_filter]")).to_have_count(1)
        expect(page.locator(".react-flow__edge")).to_have_count(1)

    team.owner.wait_saved()
    team.editor.wait_saved()
    saved = team.definition(flow)
    assert sorted(node["type"] for node in saved["nodes"]) == [
        "data_filter",
        "llm",
        "manual_trigger",
        "notify",
    ]
    assert [edge["id"] for edge in saved["edges"]] == [f"{TRIGGER}:text>{NOTIFY}:value"]


def _connect(person: Somebody, source: str, out: str, target: str, into: str) -> None:
    """Drag from a port to a port, as a hand does."""
    start = person.node(source).get_by_test_id(f"port-out-{out}").bounding_box()
    end = person.node(target).get_by_test_id(f"port-in-{into}").bounding_box()
    assert start is not None
    assert end is not None
    mouse = person.page.mouse
    mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    mouse.down()
    mouse.move(end["x"] - 20, end["y"] + 4, steps=6)
    mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=4)
    mouse.up()


def test_two_people_type_in_one_prompt_and_keep_every_letter(team: Team) -> None:
    flow = team.new_flow(drawing("Prompt"))
    for person in team:
        person.open_flow(flow)
        person.node(LLM).click()
    texts = [person.page.get_by_test_id("text-prompt").locator(".cm-content") for person in team]
    owners, editors, viewers = texts
    owners.click()
    team.owner.page.keyboard.press("Control+Home")
    editors.click()
    team.editor.page.keyboard.press("Control+End")
    for left, right in zip("ABCDEFGH", "abcdefgh", strict=True):
        team.owner.page.keyboard.type(left)
        team.editor.page.keyboard.type(right)
    for person in team:
        _await_prompt(person.page, "ABCDEFGHSay: abcdefgh")
    expect(viewers).to_have_attribute("contenteditable", "false")
    team.owner.wait_saved()
    team.editor.wait_saved()
    prompts = [node["config"].get("prompt") for node in team.definition(flow)["nodes"] if node["id"] == LLM]
    assert prompts == ["ABCDEFGHSay: abcdefgh"]


def _await_prompt(page: Page, wanted: str) -> None:
    """Wait until the prompt's editor holds ``wanted``, leaving out the carets of others."""
    page.wait_for_function(
        """(wanted) => {
            const editor = document.querySelector('[data-testid="text-prompt"] .cm-content').cloneNode(true);
            for (const caret of editor.querySelectorAll(".cm-ySelectionCaret")) caret.remove();
            return editor.textContent.replaceAll("\\u2060", "") === wanted;
        }""",
        arg=wanted,
    )


def test_two_people_change_two_fields_of_one_node(team: Team) -> None:
    flow = team.new_flow(drawing("Fields"))
    for person in (team.owner, team.editor):
        person.open_flow(flow)
        person.node(NOTIFY).click()
    team.owner.field("title").locator("input, textarea, .cm-content").first.fill("From Olga")
    team.editor.field("level").locator("input").first.click()
    team.editor.page.get_by_role("option").nth(1).click()
    team.owner.page.keyboard.press("Tab")
    team.owner.wait_saved()
    team.editor.wait_saved()
    expect(team.editor.field("title").locator("input, textarea, .cm-content").first).to_have_value(
        "From Olga"
    )
    config = next(node["config"] for node in team.definition(flow)["nodes"] if node["id"] == NOTIFY)
    assert config["title"] == "From Olga"
    assert config["level"] != "info"


def test_undo_takes_back_ones_own_changes_only(team: Team) -> None:
    flow = team.new_flow(drawing("Undo"))
    team.owner.open_flow(flow)
    team.editor.open_flow(flow)
    _rename(team.owner, TRIGGER, "Start here")
    expect(team.editor.node(TRIGGER)).to_contain_text("Start here")
    _rename(team.editor, NOTIFY, "Call out")
    expect(team.owner.node(NOTIFY)).to_contain_text("Call out")
    team.owner.page.keyboard.press("Control+z")
    expect(team.editor.node(TRIGGER)).to_contain_text("Begin")
    expect(team.editor.node(NOTIFY)).to_contain_text("Call out")


def _rename(person: Somebody, node_id: str, name: str) -> None:
    person.node(node_id).click()
    person.page.keyboard.press("F2")
    person.page.get_by_label("Rename").or_(person.node(node_id).locator("input")).first.fill(name)
    person.page.keyboard.press("Enter")


def test_a_viewer_sees_everything_live_and_can_change_nothing(team: Team) -> None:
    flow = team.new_flow(drawing("Looking on"))
    team.editor.open_flow(flow)
    page = team.viewer.open_flow(flow)
    before = team.definition(flow)
    expect(page.get_by_test_id("run")).to_have_count(0)
    page.get_by_test_id(f"node-{NOTIFY}").click()
    page.keyboard.press("Delete")
    page.keyboard.press("d")
    _rename(team.editor, LLM, "Ponder")
    expect(team.viewer.node(LLM)).to_contain_text("Ponder")
    expect(team.viewer.node(NOTIFY)).to_be_visible()
    team.editor.wait_saved()
    after = team.definition(flow)
    assert [node["id"] for node in after["nodes"]] == [node["id"] for node in before["nodes"]]
    assert not any(node.get("disabled") for node in after["nodes"])


def test_the_server_refuses_a_viewers_own_update(team: Team) -> None:
    """A viewer whose client was tampered with sends a real update and is shown the door."""
    flow = team.new_flow(drawing("Refused"))
    page = team.viewer.open_flow(flow)
    # One Y.Map write, key "name" of root "meta", by client 7: what any y-protocols client would send.
    code = page.evaluate(
        """async (flow) => {
            const text = (value) => [value.length, ...new TextEncoder().encode(value)];
            const update = [1, 1, 7, 0, 40, 1, ...text("meta"), ...text("name"), 1, 119, ...text("Mine"), 0];
            const socket = new WebSocket(`ws://${location.host}/ws/doc/${flow}?ext=1`);
            socket.binaryType = "arraybuffer";
            await new Promise((open) => { socket.onopen = open; });
            const closed = new Promise((close) => { socket.onclose = (event) => close(event.code); });
            socket.send(new Uint8Array([0, 2, update.length, ...update]));
            return await closed;
        }""",
        flow,
    )
    assert code == 4403
    assert team.definition(flow)["name"] == "Refused"


def test_a_demoted_editor_can_change_nothing_a_second_later(team: Team) -> None:
    flow = team.new_flow(drawing("Demoted"))
    page = team.editor.open_flow(flow)
    members = team.owner.call("GET", "/members")["items"]
    emil = next(item["person"]["id"] for item in members if item["person"]["name"] == "Emil")
    team.owner.call("PATCH", f"/members/{emil}", {"role": "viewer"})
    try:
        expect(page.get_by_test_id("save-state")).to_contain_text(re.compile("read", re.IGNORECASE))
        expect(page.get_by_test_id("run")).to_have_count(0)
    finally:
        team.owner.call("PATCH", f"/members/{emil}", {"role": "editor"})
    expect(page.get_by_test_id("run")).to_be_visible()


def test_what_was_shown_as_saved_survives_a_killed_server(studio: Studio, team: Team) -> None:
    flow = team.new_flow(drawing("Survivor"))
    team.owner.open_flow(flow)
    team.editor.open_flow(flow)
    for number in range(5):
        _rename(team.owner, TRIGGER, f"Olga {number}")
        _rename(team.editor, NOTIFY, f"Emil {number}")
    team.owner.wait_saved()
    team.editor.wait_saved()
    studio.kill_child("web")
    _rename(team.owner, LLM, "Typed while the server was away")
    studio.wait_ready()
    for person in (team.owner, team.editor):
        expect(person.page.get_by_test_id("save-state")).to_contain_text("Saved", timeout=60_000)
    expect(team.editor.node(LLM)).to_contain_text("Typed while", timeout=60_000)
    team.owner.open_flow(flow)
    for node_id, name in ((TRIGGER, "Olga 4"), (NOTIFY, "Emil 4"), (LLM, "Typed while")):
        expect(team.owner.node(node_id)).to_contain_text(name)
    assert {node["name"] for node in team.definition(flow)["nodes"]} >= {"Olga 4", "Emil 4"}
