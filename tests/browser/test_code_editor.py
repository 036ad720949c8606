"""Code nodes in the inspector: an editor of code, which shows where the last run failed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.people import Team

pytestmark = pytest.mark.timeout(400)
FLOW: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Code",
    "nodes": [
        {
            "id": "py_aaaa",
            "type": "python_function",
            "name": "Compute",
            "pos": [0, 0],
            "config": {
                "code": "total = 0\nfor item in [1, 2]:\n    total += item.price\nreturn total",
                "inputs": {"rate: number": "{{ 2 }}"},
            },
        }
    ],
    "edges": [],
}


def test_code_shows_where_it_failed_and_completes_the_names_of_inputs(team: Team) -> None:
    page = team.owner.page
    flow = team.new_flow(FLOW)
    team.owner.open_flow(flow)
    team.owner.node("py_aaaa").click()
    editor = page.get_by_test_id("text-code")
    expect(editor.locator(".cm-lineNumbers")).to_be_visible()
    page.get_by_test_id("run").click()
    expect(editor.locator(".cm-lintRange-error")).to_have_text("item", timeout=180_000)
    expect(page.get_by_test_id("node-failure")).to_contain_text("Line 3, column 14")
    editor.locator(".cm-line").nth(2).click()
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")
    page.keyboard.type("total += item * ra")
    team.owner.take_completion("rate")
    expect(editor.locator(".cm-line").nth(2)).to_have_text(re.compile(r"total \+= item \* rate$"))
    expect(editor.locator(".cm-lintRange-error, .cm-lint-marker-error")).to_have_count(0)
    team.owner.wait_saved()
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=180_000)
