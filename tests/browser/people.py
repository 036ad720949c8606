"""People at their browsers, and the gestures they make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests.browser.studio import Studio

PASSWORD = "correct horse battery"
VIEWPORT = ViewportSize(width=1440, height=900)

# Two pictures later the page shows what a hand or a key has just changed, and no older "Saved".
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass
class Somebody:
    """One person: a browser context of their own and one page in it."""

    name: str
    email: str
    studio: Studio
    context: BrowserContext
    page: Page
    workspace_id: str = ""
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Collect what must never happen: exceptions in the page and answers with 5xx."""
        self.page.on("pageerror", lambda error: self.faults.append(f"threw: {error}"))
        self.page.on(
            "response",
            lambda answer: (
                self.faults.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
            ),
        )

    def go(self, path: str) -> Page:
        self.page.goto(self.studio.base_url + path)
        return self.page

    def go_in_workspace(self, path: str) -> Page:
        return self.go(f"/w/{self.workspace_id}{path}")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The HTTP API with this person's session, for what a test needs but does not test."""
        cookies = {cookie.get("name"): cookie.get("value") for cookie in self.context.cookies()}
        answer = self.context.request.fetch(
            f"{self.studio.base_url}/api/v1/workspaces/{self.workspace_id}{path}",
            method=method,
            headers={"X-CSRFToken": cookies.get("csrftoken") or "", "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body),
        )
        assert answer.ok, f"{method} {path}: {answer.status} {answer.text()[:500]}"
        return answer.json() if answer.status != 204 else None

    def open_flow(self, flow_id: str) -> Page:
        """Open the editor and wait until the live document is there."""
        page = self.go_in_workspace(f"/flows/{flow_id}")
        expect(page.get_by_test_id("canvas")).to_be_visible()
        expect(page.get_by_test_id("save-state")).to_contain_text("Read" if self.name == "Vera" else "Saved")
        return page

    def node(self, node_id: str) -> Locator:
        return self.page.get_by_test_id(f"node-{node_id}")

    def field(self, name: str) -> Locator:
        """The inspector's row of a configuration field."""
        return self.page.get_by_test_id("inspector").get_by_test_id(f"field-{name}")

    def take_completion(self, name: str) -> None:
        """Wait until ``name`` is offered first, and accept it as a person does, who has seen it by then."""
        offered = self.page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled)")
        expect(offered.locator("li[aria-selected=true] .cm-completionLabel")).to_have_text(name)
        # A list that has just opened takes no key for 75 ms: who types fast meant a new line.
        self.page.evaluate("() => new Promise(done => setTimeout(done, 150))")
        self.page.keyboard.press("Enter")

    def wait_saved(self) -> None:
        """Until the server has everything on disk, also what was done a moment ago."""
        self.page.evaluate(TWO_FRAMES)
        expect(self.page.get_by_test_id("save-state")).to_contain_text("Saved")


@dataclass
class Team:
    """Owner, editor and viewer of one workspace."""

    owner: Somebody
    editor: Somebody
    viewer: Somebody

    def __iter__(self) -> Iterator[Somebody]:
        return iter((self.owner, self.editor, self.viewer))

    def new_flow(self, definition: dict[str, Any]) -> str:
        """A flow made by the owner; returns its id."""
        made = self.owner.call("POST", "/flows", {"name": definition["name"], "definition": definition})
        return str(made["id"])

    def definition(self, flow_id: str) -> dict[str, Any]:
        """The flow as the server has it now."""
        found: dict[str, Any] = self.owner.call("GET", f"/flows/{flow_id}/definition")
        return found


def sit_down(studio: Studio, browser: Browser, name: str, **context: Any) -> Somebody:
    """A person who has just opened a browser."""
    opened = browser.new_context(viewport=VIEWPORT, locale="en-US", **context)
    opened.set_default_timeout(60_000)
    person = Somebody(name, f"{name.lower()}@example.org", studio, opened, opened.new_page())
    person.watch()
    return person


def gather(studio: Studio, browser: Browser) -> Team:
    """The first owner signs up, makes two invitation links, and two people join by them."""
    owner, editor, viewer = (sit_down(studio, browser, name) for name in ("Olga", "Emil", "Vera"))
    page = owner.go("/")
    page.get_by_label("Name").wait_for()
    if page.get_by_label("Owner code").count():
        page.get_by_label("Owner code").fill(studio.owner_code())
    _fill_account(owner)
    page.wait_for_url("**/w/*/flows")
    owner.workspace_id = page.url.split("/w/")[1].split("/")[0]
    for person, role in ((editor, "Editor"), (viewer, "Viewer")):
        link = _invite(owner, role)
        person.page.goto(link)
        expect(person.page.get_by_text("Olga", exact=False).first).to_be_visible()
        _accept(person)
        person.workspace_id = owner.workspace_id
    return Team(owner, editor, viewer)


def _fill_account(person: Somebody) -> None:
    page = person.page
    page.get_by_label("Name").fill(person.name)
    page.get_by_label("Email").fill(person.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


def _invite(owner: Somebody, role: str) -> str:
    page = owner.go_in_workspace("/members")
    page.get_by_role("button", name="Invite by link").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("They join as").first.click()
    page.get_by_role("option", name=role).click()
    dialog.get_by_role("button", name="Make the link").click()
    link = dialog.get_by_label("Invitation link")
    expect(link).to_be_visible()
    address = link.input_value()
    dialog.get_by_role("button", name="Done").click()
    return address


def _accept(person: Somebody) -> None:
    """Sign up on the invitation page and land in the workspace."""
    page = person.page
    page.get_by_role("button", name="Create an account and join").click()
    _fill_account(person)
    page.wait_for_url("**/w/*/flows")
