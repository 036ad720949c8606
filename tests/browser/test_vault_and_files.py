"""Credentials, secret variables and files as people meet them: on their pages and in a node's inspector."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.people import Team
from tests.servers.http import Answer, ScriptedServer

pytestmark = pytest.mark.timeout(400)
SECRET = "tok-very-secret-4711"
FLOW: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Vault and files",
    "nodes": [
        {"id": "llm_aaaa", "type": "llm", "pos": [0, 0], "config": {}},
        {"id": "file_aaaa", "type": "file_reader", "pos": [0, 300], "config": {}},
    ],
    "edges": [],
}
LINES = 400_000  # in two pieces; the second one is broken off on its way
DROP = """([zone, name, lines]) => {
  const data = new DataTransfer();
  const words = "city,total\\n" + "Hangzhou,12\\n".repeat(lines);
  data.items.add(new File([words], name, { type: "text/csv", lastModified: 1 }));
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def test_a_credential_is_made_tried_picked_and_deleted_while_in_use(
    team: Team, server: ScriptedServer
) -> None:
    server.answers["/v1/models"] = Answer(200, {"data": []})
    told: list[str] = []
    page = team.owner.go_in_workspace("/credentials")
    page.on("response", lambda answer: told.append(_words(answer)))
    page.get_by_role("button", name="New credential").first.click()
    page.get_by_label("Search kinds").fill("OpenAI")
    page.keyboard.press("Enter")
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name=re.compile("^Name")).fill("Local models")
    form.get_by_role("textbox", name=re.compile("^API key")).fill(SECRET)
    form.get_by_role("textbox", name=re.compile("^Address")).fill(f"{server.url}/v1")
    form.get_by_role("button", name="Test the connection").click()
    expect(form.get_by_role("status")).to_have_attribute("data-ok", "true")
    assert server.asked[-1].headers["Authorization"] == f"Bearer {SECRET}"
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="Local models", exact=True)).to_be_visible()

    page = team.owner.go_in_workspace("/variables")
    page.get_by_role("button", name="New variable").first.click()
    form = page.get_by_role("dialog")
    form.get_by_role("textbox", name=re.compile("^Name")).fill("token")
    form.get_by_role("switch", name="Secret").check()
    form.get_by_label("Value").first.fill(SECRET)
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="Hidden", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("cell", name="Hidden", exact=True)).to_be_visible()

    flow = team.new_flow(FLOW)
    team.owner.open_flow(flow)
    team.owner.node("llm_aaaa").click()
    team.owner.field("credential").locator("input").first.click()
    page.get_by_role("option", name="Local models").click()
    team.owner.wait_saved()
    assert _config(team, flow, "llm_aaaa")["credential"] == "Local models"
    page = team.owner.go_in_workspace("/credentials")
    page.get_by_role("button", name="More for “Local models”").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("dialog").get_by_role("link", name="Vault and files")).to_be_visible()
    page.get_by_role("button", name="Delete the credential").click()
    expect(page.get_by_role("cell", name="Local models", exact=True)).to_have_count(0)
    assert any("Local models" in words for words in told)
    assert not [words for words in told if SECRET in words]


def test_a_dropped_file_arrives_over_a_break_and_is_looked_at_renamed_picked_and_deleted(team: Team) -> None:
    page = team.owner.go_in_workspace("/files")
    expect(page.get_by_role("button", name="Upload files").first).to_be_visible()
    broken: list[str] = []

    def once(route: Route) -> None:
        """The second piece never gets an answer."""
        if route.request.headers.get("upload-offset") != "0" and not broken:
            broken.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(re.compile(r"/uploads/"), once)
    _drop(page, "cities.csv", LINES)
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    assert broken
    page.unroute_all()
    page.get_by_role("button", name="Look at “cities.csv”").click()
    expect(page.get_by_role("dialog").get_by_role("cell", name="Hangzhou").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Actions for “cities.csv”").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("towns.csv")
    page.get_by_role("button", name="Rename the file").click()
    expect(page.get_by_role("button", name="Look at “towns.csv”")).to_be_visible()

    flow = team.new_flow(FLOW)
    team.owner.open_flow(flow)
    team.owner.node("file_aaaa").click()
    field = team.owner.field("files")
    field.get_by_role("button", name="Choose").click()
    page.get_by_role("menuitem", name="towns.csv").click()
    field.get_by_test_id("file-input").set_input_files(
        {"name": "more.txt", "mimeType": "text/plain", "buffer": b"words"}
    )
    expect(field.get_by_role("button", name="Remove more.txt")).to_be_visible()
    team.owner.wait_saved()
    chosen = _config(team, flow, "file_aaaa")["files"]
    assert [(file["name"], file["size_bytes"]) for file in chosen] == [
        ("towns.csv", 11 + 12 * LINES),
        ("more.txt", 5),
    ]

    page = team.owner.go_in_workspace("/files")
    page.get_by_role("button", name="Actions for “towns.csv”").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("dialog").get_by_role("link", name="Vault and files").first).to_be_visible()
    page.get_by_role("button", name="Delete the file").click()
    expect(page.get_by_role("button", name="Look at “towns.csv”")).to_have_count(0)


def _config(team: Team, flow: str, node: str) -> dict[str, Any]:
    nodes = {found["id"]: found.get("config", {}) for found in team.definition(flow)["nodes"]}
    config: dict[str, Any] = nodes[node]
    return config


def _drop(page: Page, name: str, lines: int) -> None:
    zone = page.locator("main input[type=file]").locator("xpath=..").element_handle()
    page.evaluate(DROP, [zone, name, lines])


def _words(answer: Any) -> str:
    """The text of an answer of the API."""
    is_api = "/api/" in answer.url and answer.status != 204
    return str(answer.text()) if is_api else ""
