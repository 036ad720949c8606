"""Takes the pictures of the README from the running product: ``python -m tests.browser.screenshots``.

Three people, one of the ready flows run, versioned and published, then every page in light and dark and
in both languages. The pictures are of the real thing, so a page that breaks breaks this too.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from infra.setup import browser as setup_browser
from infra.setup.console import ROOT, say
from tests.browser.conftest import ARGUMENTS
from tests.browser.people import Somebody, Team, gather, sit_down
from tests.browser.studio import Studio

PICTURES = ROOT / "infra" / "screenshots" / "pictures"
LOOKS = [(theme, language) for language in ("en", "zh") for theme in ("light", "dark")]
FLOW = "Ask your documents"
RUN_WITHIN_S = 60


def main() -> int:
    PICTURES.mkdir(parents=True, exist_ok=True)
    executable = str(setup_browser.ensure())
    with tempfile.TemporaryDirectory(prefix="sage-pictures-") as folder, sync_playwright() as playwright:
        studio = Studio(Path(folder) / "data")
        studio.start()
        try:
            browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
            visitor = sit_down(studio, browser, "Visitor")
            each_look(visitor, "sign-up", lambda: visitor.go("/"), "button[type=submit]")
            team = gather(studio, browser)
            pages_of(team)
            browser.close()
        finally:
            studio.stop()
    return 0


def pages_of(team: Team) -> None:
    """Prepares something to see, then visits every page."""
    owner = team.owner
    flows = owner.call("GET", "/flows")["items"]
    flow_id = next(flow["id"] for flow in flows if flow["name"] == FLOW)
    run_id = finished_run(owner, flow_id)
    owner.call("POST", f"/flows/{flow_id}/versions", {"message": "First draft"})
    change(
        owner, flow_id, {"op": "set_flow", "path": ["description"], "value": "Answers from your own files."}
    )
    owner.call("POST", f"/flows/{flow_id}/versions", {"message": "Say what it is for"})
    nodes = owner.call("GET", f"/flows/{flow_id}/definition")["nodes"]
    splitter = next(node["id"] for node in nodes if node["type"] == "text_splitter")
    change(owner, flow_id, {"op": "set", "node": splitter, "path": ["config", "size"], "value": 400})
    owner.call("POST", f"/flows/{flow_id}/publish", {"version": 1})
    share = {
        "flow_id": flow_id,
        "version": 1,
        "name": FLOW,
        "summary": "Answers from your own files.",
        "category": "ai",
    }
    owner.call("POST", "/templates", share)
    each_look(owner, "flows", lambda: owner.go_in_workspace("/flows"), "text=" + FLOW)
    each_look(owner, "run", lambda: owner.go_in_workspace(f"/runs/{run_id}"), "main")
    each_look(owner, "versions", lambda: owner.go_in_workspace(f"/flows/{flow_id}/history"), "main")
    each_look(owner, "templates", lambda: owner.go("/templates"), "text=" + FLOW)
    each_look(owner, "members", lambda: owner.go_in_workspace("/members"), "text=emil@example.org")
    team.editor.open_flow(flow_id)
    expect(team.editor.page.locator(".react-flow__node").first).to_be_visible()

    def together() -> None:
        owner.go_in_workspace(f"/flows/{flow_id}")
        expect(owner.page.locator(".react-flow__node").first).to_be_visible()
        wander(team.editor.page)

    each_look(owner, "editor", together, "[data-testid=canvas]")


def change(person: Somebody, flow_id: str, operation: dict[str, object]) -> None:
    patch = {"schema": "sage-studio/patch@1", "base": None, "summary": "", "operations": [operation]}
    person.call("POST", f"/flows/{flow_id}/patches", patch)


def finished_run(owner: Somebody, flow_id: str) -> str:
    run_id = str(owner.call("POST", "/runs", {"flow_id": flow_id})["id"])
    deadline = time.monotonic() + RUN_WITHIN_S
    while owner.call("GET", f"/runs/{run_id}")["state"] in {"ready", "running"}:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the run of “{FLOW}” did not end within {RUN_WITHIN_S} s")
        time.sleep(0.2)
    return run_id


def wander(page: Page) -> None:
    """Moves somebody else's pointer over the canvas, so that the picture shows it."""
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    for step in range(12):
        page.mouse.move(box["x"] + box["width"] * (0.35 + step * 0.015), box["y"] + box["height"] * 0.62)
        page.wait_for_timeout(40)


def each_look(person: Somebody, name: str, visit: Callable[[], object], ready: str) -> None:
    page = person.page
    for theme, language in LOOKS:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        if page.url.startswith(person.studio.base_url):
            page.evaluate("language => localStorage.setItem('sage.language', language)", language)
        visit()
        if page.evaluate("() => localStorage.getItem('sage.language')") != language:
            page.evaluate("language => localStorage.setItem('sage.language', language)", language)
            visit()
        page.locator(ready).first.wait_for()
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(400)  # lists fade in
        page.screenshot(path=PICTURES / f"{name}-{theme}-{language}.png")
        say(f"  ✓ {name}, {theme}, {language}")


if __name__ == "__main__":
    sys.exit(main())
