"""One running SAGE Studio and a Chromium for the browser tests.

``SAGE_CHROMIUM`` names the browser; without it the usual places are looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.people import Team, gather
from tests.browser.studio import Studio

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Two cores draw three browsers and run everything behind them; a wait that ends early costs nothing.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A fresh instance, started as ``make run`` starts it."""
    running = Studio(tmp_path_factory.mktemp("studio") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = os.environ.get("SAGE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def team(studio: Studio, browser: Browser) -> Iterator[Team]:
    """An owner, an editor and a viewer, each in a browser of their own, joined by invitation link."""
    people = gather(studio, browser)
    yield people
    for person in people:
        person.context.close()


@pytest.fixture(autouse=True)
def _no_faults_in_any_page(request: pytest.FixtureRequest) -> Iterator[None]:
    """No page may throw or get a server error, whatever a test does."""
    if "team" not in request.fixturenames:
        yield
        return
    team: Team = request.getfixturevalue("team")
    for person in team:
        person.faults.clear()
    yield
    faults = {person.name: person.faults for person in team if person.faults}
    assert not faults, faults
