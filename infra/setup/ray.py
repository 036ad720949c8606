"""Ray, for the tests of its executor only: 200 MB, in a folder of its own beside the environment."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.setup import stamps
from infra.setup.console import ROOT, run, step
from infra.setup.python_env import NETWORK_HINT, PYTHON, RAY_LOCK, UV, uv_env

FOLDER = ROOT / ".cache" / "ray"
_STAMP = FOLDER / "sage-setup.json"


def ensure() -> Path:
    """Install what the lock names, unless it is there; returns the folder to put on the path."""
    wanted = stamps.files_digest([RAY_LOCK], root=ROOT)
    if stamps.read(_STAMP).get("wanted") != wanted:
        shutil.rmtree(FOLDER, ignore_errors=True)
        with step("Installing Ray in .cache/ray"):
            target: list[str | Path] = ["--target", FOLDER, "--require-hashes", "-r", RAY_LOCK]
            run(
                [UV, "pip", "install", "--python", PYTHON, *target],
                what="Installing Ray",
                hint=NETWORK_HINT,
                env=uv_env(),
            )
        stamps.write(_STAMP, wanted=wanted)
    return FOLDER
