"""Three people talk about a flow: a viewer asks, an editor watches, the owner is told and answers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import Team
from tests.browser.test_three_people import NOTIFY, drawing

pytestmark = pytest.mark.timeout(400)


def test_a_mention_by_a_viewer_arrives_leads_to_the_thread_and_is_resolved(team: Team) -> None:
    flow = team.new_flow(drawing("Talked about"))
    editor, viewer = team.editor.open_flow(flow), team.viewer.open_flow(flow)
    owner = team.owner.go_in_workspace("/flows")
    expect(owner.get_by_text("Talked about")).to_be_visible()

    viewer.keyboard.press("c")
    team.viewer.node(NOTIFY).click()
    words = viewer.get_by_test_id("new-thread").get_by_role("textbox")
    words.press_sequentially("Who reads this, @Ol")
    viewer.get_by_role("option", name="Olga").click()
    words.press_sequentially("? https://example.org")
    words.press("Enter")
    thread = viewer.get_by_test_id("comment-thread")
    expect(thread).to_contain_text("Who reads this, @Olga ?")
    expect(thread.get_by_role("link", name="https://example.org")).to_be_visible()
    expect(editor.get_by_test_id("comment-pin")).to_have_count(1)

    owner.reload()
    here = owner.get_by_role("row").filter(has_text="Talked about").get_by_test_id("here-now")
    expect(here).to_contain_text("Emil")
    expect(here).to_contain_text("Vera")
    # Runs of earlier tests may have told her something too.
    owner.get_by_role("button", name=re.compile(r"Notifications, \d+ unread")).click()
    owner.get_by_text("Vera mentioned you in “Talked about”").click()
    opened = owner.get_by_test_id("comment-thread")
    expect(opened).to_contain_text("Who reads this")
    opened.get_by_role("textbox").fill("I do")
    opened.get_by_role("textbox").press("Enter")
    expect(thread).to_contain_text("I do")

    opened.get_by_role("button", name="Resolve").click()
    expect(opened).to_have_count(0)
    for page in (owner, editor):
        expect(page.get_by_test_id("comment-pin")).to_have_count(0)
    expect(thread).to_contain_text("Resolved by Olga")


def test_a_read_only_link_shows_the_drawing_to_somebody_outside(team: Team, browser: Browser) -> None:
    flow = team.new_flow(drawing("Shown outside"))
    page = team.owner.open_flow(flow)
    page.get_by_test_id("share").click()
    dialog = page.get_by_test_id("share-dialog")
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_label("Read-only link 1").input_value()

    outside = browser.new_context()
    try:
        seen = outside.new_page()
        seen.goto(address)
        expect(seen.get_by_test_id("shared-canvas")).to_contain_text("Begin")
        expect(seen.get_by_test_id("shared-canvas")).to_contain_text("Tell")
        dialog.get_by_role("button", name="Take back").click()
        expect(dialog).to_contain_text("Nobody outside can see this flow")
        seen.reload()
        expect(seen.get_by_text("This link does not work")).to_be_visible()
    finally:
        outside.close()
