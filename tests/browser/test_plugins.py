"""A plug-in from a file to its removal, seen by two people: what one does reaches the other's open editor."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from tests.browser.people import Somebody, Team
from tests.catalogue.making import archive, plugin_files

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
NODE = "acme_echo_say"


def package(version: str) -> FilePayload:
    """Release 2 calls its field differently and wants a host."""
    hosts = "" if version == "1.0.0" else 'hosts=("api.example.org",)'
    files = plugin_files(name="acme_echo", node=NODE, version=version, permissions=hosts)
    if version != "1.0.0":
        module = str(files["acme_echo/__init__.py"])
        files["acme_echo/__init__.py"] = module.replace(
            'default="hello"),)',
            'default="hello"), Field(name="loud", label=text("Loudly", "大声"), default=""),)',
        )
    return {"name": f"acme-{version}.zip", "mimeType": "application/zip", "buffer": archive(files)}


def install(owner: Somebody, button: str, version: str, consent: str) -> None:
    page = owner.page
    page.get_by_role("button", name=button).first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(package(version))
    dialog.get_by_role("button", name="Look at it").click()
    agree = page.get_by_role("checkbox", name=re.compile("^I have read"))
    expect(agree).to_be_visible()
    expect(page.get_by_role("button", name=consent)).to_be_disabled()
    agree.check()
    page.get_by_role("button", name=consent).click()
    expect(card(owner)).to_contain_text(f"Version {version}")


def card(owner: Somebody) -> Locator:
    return owner.page.get_by_role("article", name="acme_echo")


def is_whole(inner: Locator, outer: Locator) -> bool:
    """Whether all of an element, its words included, is within another."""
    small, big = inner.bounding_box(), outer.bounding_box()
    assert small is not None
    assert big is not None
    is_cut = inner.evaluate(
        "(e) => [e, ...e.querySelectorAll('*')].some(x => x.clientWidth && x.scrollWidth > x.clientWidth + 1)"
    )
    return small["x"] >= big["x"] and small["x"] + small["width"] <= big["x"] + big["width"] and not is_cut


def color_of(element: Locator, which: str) -> str:
    return str(element.evaluate("(e, which) => getComputedStyle(e)[which]", which))


def token_of(element: Locator, token: str) -> str:
    """A design token as a browser writes colours."""
    return str(
        element.evaluate(
            """(e, token) => {
              const probe = e.appendChild(document.createElement("i"));
              probe.style.color = `var(${token})`;
              const color = getComputedStyle(probe).color;
              probe.remove();
              return color;
            }""",
            token,
        )
    )


def test_a_plug_in_is_installed_used_updated_switched_off_and_removed(team: Team) -> None:
    owner, editor = team.owner, team.editor
    flow = team.new_flow({
        "schema": "sage-studio/flow@1", "name": "With a plug-in",
        "nodes": [{"id": "start", "type": "manual_trigger", "config": {}}],
    })  # fmt: skip
    editor.open_flow(flow)
    owner.go_in_workspace("/plugins")
    expect(owner.page.get_by_role("note").first).to_contain_text("bubblewrap")
    install(owner, "Install a plug-in", "1.0.0", "Consent and install")

    # The other person's palette has it at once; it is put on the canvas and run.
    page = editor.page
    page.get_by_test_id("palette-search").fill("acme_echo")
    tile = page.get_by_test_id(f"palette-{NODE}")
    expect(tile).to_be_visible()
    tile.click()
    expect(page.get_by_test_id(re.compile(f"^node-{NODE}"))).to_have_attribute("data-selected", "true")
    editor.wait_saved()
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("run-status")).to_contain_text("Done", timeout=120_000)

    # An update beside it: the node keeps its version, says what is new, takes it when asked, and back.
    install(owner, "Update…", "2.0.0", "Consent and update")
    inspector = page.get_by_test_id("inspector")
    offer = inspector.get_by_test_id("version-offer")
    expect(offer).to_contain_text("New: Loudly.")
    expect(inspector.get_by_test_id("field-what")).to_be_visible()
    expect(inspector.get_by_test_id("field-loud")).to_have_count(0)
    upgrade = offer.get_by_role("button", name="Upgrade")
    assert is_whole(upgrade, inspector)
    assert color_of(upgrade, "backgroundColor") == token_of(upgrade, "--accent")
    assert color_of(offer, "backgroundColor") == token_of(offer, "--accent-soft")
    upgrade.click()
    expect(inspector.get_by_test_id("field-loud")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(offer).to_be_visible()

    # Switched off, the editor says whose node it is and what to do; on again it is as before.
    switch = card(owner).get_by_label("Enable acme_echo")
    switch.click(force=True)
    absent = inspector.get_by_test_id("unknown-node")
    expect(absent).to_contain_text(
        "“acme_echo” is switched off in this workspace. An owner can switch it on."
    )
    expect(inspector.get_by_role("note")).to_have_count(1)
    expect(inspector).not_to_contain_text("installed")
    expect(absent.get_by_role("link")).to_have_attribute("href", re.compile("/plugins#acme_echo$"))
    switch.click(force=True)
    expect(offer).to_be_visible()

    # The library finds it by its words and its category, and tries it out.
    library = owner.go_in_workspace("/library")
    library.get_by_role("searchbox").fill("says something")
    expect(library.get_by_role("link", name=re.compile("^Say"))).to_have_count(1)
    library.get_by_role("button", name=re.compile("^Trigger")).click()
    expect(library.get_by_role("link", name=re.compile("^Say"))).to_have_count(0)
    library.get_by_role("button", name=re.compile("^Utilit")).click()
    library.get_by_role("link", name=re.compile("^Say")).click()
    library.get_by_role("button", name="Run").click()
    expect(library.get_by_text("hello").last).to_be_visible(timeout=120_000)

    owner.go_in_workspace("/plugins")
    card(owner).get_by_role("button", name="Remove…").click()
    owner.page.get_by_role("dialog").get_by_role("button", name="Remove the plug-in").click()
    expect(card(owner)).to_have_count(0)
    expect(absent).to_contain_text(f"No plug-in with the node type “{NODE}” is installed")
    kept = [one["type"] for one in team.definition(flow)["nodes"]]
    assert kept.count(NODE) == 1
