"""The front end's packages and its build, redone only when what they are made from has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from infra.setup import node, stamps
from infra.setup.console import ROOT, SetupError, run, step

FRONTEND = ROOT / "frontend"
PACKAGES = FRONTEND / "node_modules"
DIST = FRONTEND / "dist"
PACKAGES_STAMP = PACKAGES / ".sage-setup.json"
BUILD_STAMP = ROOT / ".cache" / "setup" / "frontend-build.json"
NOT_INPUTS = {"node_modules", "dist", "coverage", ".vite", ".cache", "screenshots"}


def ensure_packages(chosen: node.Node) -> None:
    """``npm ci`` when the lock, or the major version of Node, is another than last time."""
    manifest = [FRONTEND / "package.json", FRONTEND / "package-lock.json"]
    missing = [path.name for path in manifest if not path.exists()]
    if missing:
        raise SetupError(f"frontend/ is incomplete: {', '.join(missing)} is missing from this clone.")
    wanted = stamps.digest(stamps.files_digest(manifest, root=ROOT), chosen.version.split(".")[0])
    if stamps.read(PACKAGES_STAMP).get("wanted") == wanted:
        return
    with step(f"Installing the front end's packages (Node {chosen.version})"):
        run(
            chosen.npm_command("ci", "--no-audit", "--no-fund", "--prefer-offline"),
            what="npm ci",
            hint="If the network is slow or closed, check that npm can reach your registry, then try again.",
            cwd=FRONTEND,
            env=chosen.env(),
        )
    stamps.write(PACKAGES_STAMP, wanted=wanted)


def ensure_build(chosen: node.Node) -> None:
    """``npm run build`` when a source has changed since the last build. Needs the packages."""
    wanted = stamps.files_digest(_sources(), root=ROOT)
    if stamps.read(BUILD_STAMP).get("wanted") == wanted and (DIST / "index.html").exists():
        return
    with step("Building the front end"):
        run(chosen.npm_command("run", "build"), what="Building the front end", cwd=FRONTEND, env=chosen.env())
    stamps.write(BUILD_STAMP, wanted=wanted)


def build_is_current() -> bool:
    """Whether ``frontend/dist`` matches the sources, so that Node is not needed at all."""
    return (DIST / "index.html").exists() and (
        stamps.read(BUILD_STAMP).get("wanted") == stamps.files_digest(_sources(), root=ROOT)
    )


def _sources() -> Iterator[Path]:
    for folder, folders, files in os.walk(FRONTEND):
        folders[:] = [name for name in folders if name not in NOT_INPUTS]
        for name in files:
            if ".test." not in name and not name.startswith("."):
                yield Path(folder) / name
