"""Writes the lock: hashed exports that name no registry, one file per purpose.

Each file opens with a digest of the dependency tables it was made from, so that a lock that no longer
fits ``pyproject.toml`` is noticed (``make lint``) without asking a registry.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from infra.setup import stamps
from infra.setup.console import ROOT, SetupError, run, step
from infra.setup.python_env import DEV_LOCK, NODE_LOCK, RAY_LOCK, RUNTIME_LOCK, UV, UV_LOCK

HEAD = "# Made by `make lock` from pyproject.toml; do not edit. Made from: "
EXPORTS: tuple[tuple[Path, tuple[str, ...]], ...] = (
    (RUNTIME_LOCK, ("--no-default-groups", "--group", "build")),
    (DEV_LOCK, ("--only-group", "dev")),
    (NODE_LOCK, ("--only-group", "node")),
    (UV_LOCK, ("--only-group", "installer")),
    (RAY_LOCK, ("--only-group", "ray")),
)


def write() -> None:
    """Resolves to the newest versions allowed and rewrites every lock file."""
    if not UV.exists():
        raise SetupError("Run `make setup` first: the lock is made with the uv inside .venv.")
    with step("Resolving dependencies"):
        run([UV, "lock", "--upgrade"], what="uv lock")
    common = ["--frozen", "--quiet", "--no-emit-workspace", "--no-header", "--no-annotate"]
    for path, groups in EXPORTS:
        text = run([UV, "export", *common, *groups], what=f"Exporting {path.name}")
        if re.search(r"https?://", text):
            raise SetupError(f"{path.name} would name a registry; a dependency has an address of its own.")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{HEAD}{tables_digest()}\n{text}", encoding="utf-8")


def stale() -> list[str]:
    """The lock files that were made from other dependency tables than today's."""
    head = f"{HEAD}{tables_digest()}\n"
    return [
        path.relative_to(ROOT).as_posix()
        for path, _ in EXPORTS
        if not path.exists() or not path.read_text(encoding="utf-8").startswith(head)
    ]


def tables_digest() -> str:
    """Digest of everything in the two ``pyproject.toml`` files that the resolver looks at."""
    tables = []
    for folder in (ROOT, ROOT / "apps" / "engine"):
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        about = project["project"]
        tables.append(
            [
                project.get("build-system"),
                about.get("dependencies"),
                about.get("optional-dependencies"),
                about.get("requires-python"),
                project.get("dependency-groups"),
            ]
        )
    return stamps.digest(json.dumps(tables, sort_keys=True))[:16]
