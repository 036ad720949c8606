"""Expressions as people write them in a node's inspector, and where the nodes they add come to stand."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.people import Team

FLOW = {
    "schema": "sage-studio/flow@1",
    "name": "Expressions",
    "nodes": [
        {"id": "start", "type": "manual_trigger", "pos": [0, 0], "config": {}},
        {"id": "pause", "type": "wait", "pos": [300, 0], "config": {"seconds": "{{ 0 + 0 }}"}},
    ],
    "edges": [
        {"id": "e1", "source": "start", "source_port": "data", "target": "pause", "target_port": "value"}
    ],
}


def test_a_secret_is_marked_in_suggestions_and_an_error_is_said_once(team: Team) -> None:
    for name, is_secret in (("token", True), ("town", False)):
        team.owner.call("POST", "/variables", {"name": name, "value": "a value", "is_secret": is_secret})
    page = team.owner.open_flow(team.new_flow(FLOW))
    page.get_by_test_id("run").click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=120_000)
    team.owner.node("pause").click()
    field = team.owner.field("seconds")
    expect(field.get_by_test_id("live-value")).to_contain_text("0")
    field.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("vars.to")
    offers = page.locator(".cm-tooltip-autocomplete li")
    expect(offers.filter(has_text="vars.token").locator(".cm-completionDetail")).to_have_text("secret")
    expect(offers.filter(has_text="vars.town").locator(".cm-completionDetail")).to_have_text("any")
    page.keyboard.press("Escape")

    page.keyboard.press("Control+a")
    page.keyboard.type("(1 +")
    expect(field.get_by_role("status")).to_be_visible()
    expect(field.get_by_test_id("live-value")).to_have_count(0)
    expect(field.get_by_role("status")).to_have_count(1)


def test_nodes_that_are_added_one_after_another_stand_beside_each_other(team: Team) -> None:
    flow = team.new_flow({"schema": "sage-studio/flow@1", "name": "Places", "nodes": []})
    page = team.owner.open_flow(flow)
    page.get_by_test_id("palette-search").fill("wait")
    for count in range(1, 5):
        page.get_by_test_id("palette-wait").click()
        expect(page.locator("[data-testid^=node-wait]")).to_have_count(count)
    page.locator(".react-flow__pane").click(position={"x": 40, "y": 300})
    page.keyboard.press("Tab")
    page.get_by_test_id("picker-search").fill("wait")
    page.keyboard.press("Enter")
    cards = page.locator("[data-testid^=node-wait]")
    expect(cards).to_have_count(5)
    boxes = [card.bounding_box() for card in cards.all()]
    for index, one in enumerate(boxes):
        for other in boxes[:index]:
            assert one is not None
            assert other is not None
            is_beside = abs(one["x"] - other["x"]) >= min(one["width"], other["width"])
            is_below = abs(one["y"] - other["y"]) >= min(one["height"], other["height"])
            assert is_beside or is_below
