"""Two people at one debug session: the same stop, the same buttons, edited inputs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import Team
from tests.browser.test_running import RUN_TIMEOUT_MS, _flow_named

pytestmark = pytest.mark.timeout(400)


def test_two_people_see_the_same_stop_and_either_moves_the_run(team: Team) -> None:
    flow = _flow_named(team, "Watch an address")
    editor, owner, viewer = (
        team.editor.open_flow(flow),
        team.owner.open_flow(flow),
        team.viewer.open_flow(flow),
    )
    node = editor.locator('[data-node-type="http_request"]').first
    node_id = str(node.get_attribute("data-testid")).removeprefix("node-")
    node.hover()
    editor.get_by_test_id(f"breakpoint-{node_id}").click()
    expect(editor.get_by_test_id(f"breakpoint-{node_id}")).to_have_attribute("aria-pressed", "true")
    editor.get_by_label("More ways to run").click()
    editor.get_by_test_id("run-debug").click()
    editor.get_by_role("dialog").get_by_role("button", name="Run").last.click()
    for page in (editor, owner, viewer):
        expect(page.get_by_test_id(f"stop-{node_id}")).to_have_attribute(
            "data-stop", "current", timeout=RUN_TIMEOUT_MS
        )
    expect(editor.get_by_test_id("debugger")).to_contain_text("url")
    viewer.get_by_test_id("drawer-debugger").click()
    expect(viewer.get_by_test_id("debugger")).to_contain_text("Only editors")
    owner.get_by_test_id("drawer-debugger").click()
    owner.get_by_test_id("debug-step_over").click()
    expect(editor.get_by_test_id(f"stop-{node_id}")).to_have_count(0, timeout=RUN_TIMEOUT_MS)
    expect(editor.get_by_test_id("debug-by")).to_contain_text("Step over", timeout=RUN_TIMEOUT_MS)
    expect(editor.get_by_test_id("debug-continue")).to_be_enabled(timeout=RUN_TIMEOUT_MS)
    editor.get_by_test_id("debug-continue").click()
    expect(editor.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)
