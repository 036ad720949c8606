"""Running flows: everyone watches, failures explain themselves, the list remembers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.people import Somebody, Team
from tests.browser.studio import Studio

RUN_TIMEOUT_MS = 180_000
pytestmark = pytest.mark.timeout(400)
LINES = "Gear oil is changed every 300 hours.\n\nBearings are greased weekly with lithium grease.\n"


def test_a_run_started_by_one_lights_up_for_everyone(team: Team) -> None:
    flow = _flow_named(team, "Watch an address")
    for person in team:
        person.open_flow(flow)
    _run(team.editor)
    for person in team:
        expect(_in_state(person, "completed")).not_to_have_count(0, timeout=RUN_TIMEOUT_MS)
        expect(person.page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)
        expect(_in_state(person, "skipped")).not_to_have_count(0)
    team.viewer.page.reload()
    expect(_in_state(team.viewer, "completed")).not_to_have_count(0, timeout=RUN_TIMEOUT_MS)


def test_uploaded_documents_answer_a_question_with_a_quotation(team: Team, tmp_path: Path) -> None:
    manual = tmp_path / "manual.txt"
    manual.write_text(LINES, encoding="utf-8")
    flow = _flow_named(team, "Ask your documents")
    page = team.owner.open_flow(flow)
    page.get_by_test_id("run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    remove = dialog.get_by_role("button", name=re.compile("^Remove"))
    for left in reversed(range(remove.count())):
        remove.first.click()
        expect(remove).to_have_count(left)
    dialog.get_by_label("Question").fill("How often are the bearings greased?")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/uploads*", hold, times=1)
    dialog.get_by_test_id("file-input").set_input_files(str(manual))
    expect(dialog.get_by_text("manual.txt")).to_be_visible()
    start = dialog.get_by_role("button", name="Run").last
    expect(start).to_be_disabled()
    held[0].continue_()
    start.click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)
    page.get_by_role("group", name=re.compile("^Answer")).click()
    inspector = page.get_by_test_id("inspector")
    inspector.get_by_role("tab", name="Output").click()
    expect(inspector).to_contain_text("Bearings are greased weekly")
    expect(inspector).to_contain_text("no language model was used")
    expect(inspector).to_contain_text("manual.txt")


def test_a_hundred_thousand_rows_are_cleaned_and_written(team: Team) -> None:
    flow = _flow_named(team, "Clean a CSV")
    page = team.editor.open_flow(flow)
    _run(team.editor)
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)
    reader = page.get_by_role("group", name=re.compile("^Read rows"))
    expect(reader).to_contain_text("100,000")


FAILING: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Fails",
    "nodes": [
        {"id": "manual_trigger_aaaa", "type": "manual_trigger", "name": "Begin", "pos": [0, 0]},
        {
            "id": "http_request_bbbb",
            "type": "http_request",
            "name": "Call",
            "pos": [260, 0],
            "config": {"url": "http://10.1.2.3/private"},
        },
        {
            "id": "notify_cccc",
            "type": "notify",
            "name": "Tell",
            "pos": [520, 0],
            "config": {"title": "Never", "body": "Never"},
        },
    ],
    "edges": [
        {
            "source": "manual_trigger_aaaa",
            "source_port": "text",
            "target": "http_request_bbbb",
            "target_port": "value",
        },
        {
            "source": "http_request_bbbb",
            "source_port": "body",
            "target": "notify_cccc",
            "target_port": "value",
        },
    ],
}


def test_a_failing_node_shows_its_error_and_a_diagnosis(team: Team) -> None:
    flow = team.new_flow(FAILING)
    page = team.editor.open_flow(flow)
    watching = team.viewer.open_flow(flow)
    _run(team.editor)
    for seen in (page, watching):
        expect(seen.get_by_test_id("run-status")).to_contain_text("Failed", timeout=RUN_TIMEOUT_MS)
        failed = seen.get_by_test_id("node-http_request_bbbb")
        expect(failed).to_have_attribute("data-state", "failed")
        failed.click()
        expect(seen.get_by_test_id("node-failure")).to_contain_text("10.1.2.3", timeout=RUN_TIMEOUT_MS)
        expect(seen.get_by_test_id("node-diagnosis")).to_contain_text(
            "private network", timeout=RUN_TIMEOUT_MS
        )


def test_the_run_list_and_page_tell_the_same_after_a_reload(team: Team) -> None:
    flow = team.new_flow({**FAILING, "name": "Listed failure"})
    team.editor.open_flow(flow)
    _run(team.editor)
    expect(team.editor.page.get_by_test_id("run-status")).to_contain_text("Failed", timeout=RUN_TIMEOUT_MS)
    page = team.viewer.go_in_workspace("/runs")
    row = page.get_by_role("row").filter(has_text="Listed failure")
    expect(row).to_contain_text("Failed")
    row.get_by_text("Listed failure").click()
    for _ in range(2):
        main = page.get_by_role("main")
        expect(main).to_contain_text("Failed")
        expect(main).to_contain_text("private network")
        expect(main).to_contain_text("Call")
        page.reload()


def test_a_run_goes_on_when_its_worker_is_killed(studio: Studio, team: Team) -> None:
    flow = _flow_named(team, "Clean a CSV")
    page = team.owner.open_flow(flow)
    _run(team.owner)
    expect(_in_state(team.owner, "running")).not_to_have_count(0, timeout=RUN_TIMEOUT_MS)
    studio.kill_child("worker")
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=RUN_TIMEOUT_MS)


def _flow_named(team: Team, name: str) -> str:
    flows = team.owner.call("GET", "/flows")["items"]
    return str(next(flow["id"] for flow in flows if flow["name"] == name))


def _run(person: Somebody) -> None:
    """Press Run, and once more in the dialog, because these flows read the text of their trigger."""
    page: Page = person.page
    page.get_by_test_id("run").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Run").last.click()
    expect(dialog).to_have_count(0)


def _in_state(person: Somebody, state: str) -> Locator:
    return person.page.locator(f"[data-node-type][data-state={state}]")
