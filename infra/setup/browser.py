"""Finds Chromium for the browser tests and the screenshots; the only step that may want root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from infra.setup.console import SetupError, run, step

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
# Any writing system a template or a test may show; without it Chinese is drawn as empty boxes.
FONTS = "fonts-noto-cjk"


def find() -> Path | None:
    """The browser named by ``SAGE_CHROMIUM``, else the first one found on this machine."""
    named = os.environ.get("SAGE_CHROMIUM")
    if named:
        return Path(named) if Path(named).exists() else None
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    return next((path for path in APPLICATIONS if path.exists()), None)


def ensure() -> Path:
    """The browser, installed from Debian's packages when it is missing and we are root."""
    found = find()
    if found is not None:
        return found
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        with step("Installing Chromium for the browser tests"):
            quiet = {"DEBIAN_FRONTEND": "noninteractive"}
            run(["apt-get", "update", "-q"], what="apt-get update", env=quiet)
            run(
                ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium", FONTS],
                what="Installing Chromium",
                env=quiet,
            )
        found = find()
    if found is None:
        raise SetupError(
            "Chromium is needed for the browser tests and was not found. Install it (Debian, Ubuntu: "
            "sudo apt-get install chromium; macOS: brew install --cask chromium) or name one: "
            "SAGE_CHROMIUM=/path/to/chromium"
        )
    return found
