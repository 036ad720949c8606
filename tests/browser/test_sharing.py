"""Versions and templates: commit, look back, restore, publish, install elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Team
from tests.browser.test_three_people import NOTIFY, drawing

pytestmark = pytest.mark.timeout(400)


def test_commit_change_compare_and_restore(team: Team) -> None:
    flow = team.new_flow(drawing("Versioned"))
    watching = team.viewer.open_flow(flow)
    page = team.editor.go_in_workspace(f"/flows/{flow}/history")
    page.get_by_role("button", name="Commit a version").first.click()
    page.get_by_role("dialog").get_by_role("textbox").fill("As it was")
    page.get_by_role("dialog").get_by_role("button", name="Commit v1").click()
    expect(page.get_by_text("As it was")).to_be_visible()

    team.editor.call(
        "POST",
        f"/flows/{flow}/patches",
        {
            "schema": "sage-studio/patch@1",
            "base": None,
            "summary": "",
            "operations": [{"op": "set", "node": NOTIFY, "path": ["name"], "value": "Shout"}],
        },
    )
    expect(watching.get_by_test_id(f"node-{NOTIFY}")).to_contain_text("Shout")
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Changed since v1")
    expect(page.get_by_role("main")).to_contain_text("Shout")

    page.get_by_text("As it was").click()
    page.get_by_role("button", name="Restore v1").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore v1").click()
    expect(watching.get_by_test_id(f"node-{NOTIFY}")).to_contain_text("Tell")
    assert {node["name"] for node in team.definition(flow)["nodes"]} == {"Begin", "Think", "Tell"}


def test_a_flow_published_as_a_template_is_installed_in_another_workspace(team: Team) -> None:
    flow = team.new_flow(drawing("Shared widely"))
    page = team.owner.go_in_workspace(f"/flows/{flow}/history")
    page.get_by_role("button", name="Commit a version").first.click()
    page.get_by_role("dialog").get_by_role("textbox").fill("For everyone")
    page.get_by_role("dialog").get_by_role("button", name="Commit v1").click()
    page.get_by_role("button", name="Publish as template").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Widely shared")
    dialog.get_by_role("button", name="Publish v1 as template").click()
    expect(dialog).to_have_count(0)

    other = team.viewer.go("/templates")
    other.get_by_text("Widely shared").first.click()
    other.get_by_role("button", name="Use template").click()
    dialog = other.get_by_role("dialog")
    dialog.get_by_label("Name of the new flow").fill("My copy")
    dialog.get_by_role("button", name="Create the flow").click()
    expect(other.get_by_test_id("canvas")).to_be_visible()
    expect(other.get_by_test_id(f"node-{NOTIFY}")).to_contain_text("Tell")
    assert team.owner.workspace_id not in other.url
