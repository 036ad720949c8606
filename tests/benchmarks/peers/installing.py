"""Peers with pinned versions, each in a scratch folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.setup import node, python_env
from infra.setup.console import ROOT

FOLDER = ROOT / ".cache" / "peers"
HARNESS = Path(__file__).parent / "harness"
INSTALL_WITHIN_S = 600


class PeerError(Exception):
    """A peer cannot be installed or measured here; the message says why."""


@dataclass(frozen=True, slots=True)
class PythonPeer:
    """A library with its pinned requirements, measured by a program that runs in its environment."""

    name: str
    requirements: tuple[str, ...]
    program: str

    def command(self) -> Sequence[str]:
        """Installs what is missing; the command that measures."""
        home = FOLDER / self.name
        python = home / "bin" / "python"
        uv = str(python_env.VENV / "bin" / "uv")
        if not _is_current(home, self.requirements):
            shutil.rmtree(home, ignore_errors=True)
            _run([uv, "venv", "--quiet", "--python", str(python_env.VENV / "bin" / "python"), str(home)])
            _run([uv, "pip", "install", "--quiet", "--python", str(python), *self.requirements])
            _note(home, self.requirements)
        return [str(python), str(HARNESS / self.program)]

    def env(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class NodePeer:
    """The same for a package of npm; install scripts are not run."""

    name: str
    requirements: tuple[str, ...]
    program: str

    def command(self) -> Sequence[str]:
        home = FOLDER / self.name
        chosen = node.choose()
        if not _is_current(home, self.requirements):
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            (home / "package.json").write_text('{"private": true}\n', encoding="utf-8")
            flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
            _run(chosen.npm_command("install", *flags, *self.requirements), cwd=home, env=chosen.env())
            _note(home, self.requirements)
        return [str(chosen.binary), str(HARNESS / self.program)]

    def env(self) -> dict[str, str]:
        return {"NODE_PATH": str(FOLDER / self.name / "node_modules")}


Peer = PythonPeer | NodePeer
PEERS: tuple[Peer, ...] = (
    NodePeer("node-red", ("node-red@4.1.15",), "nodered_peer.cjs"),
    PythonPeer("langgraph", ("langgraph==1.2.22", "langgraph-checkpoint-sqlite==3.1.2"), "langgraph_peer.py"),
    PythonPeer("dbos", ("dbos==3.4.0", "pysqlite3-binary; sys_platform == 'linux'"), "dbos_peer.py"),
    # Later releases of FastAPI refuse what Prefect's server asks of it.
    PythonPeer("prefect", ("prefect==3.8.8", "fastapi==0.139.0"), "prefect_peer.py"),
)


def _is_current(home: Path, requirements: Sequence[str]) -> bool:
    stamp = home / "installed.txt"
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == "\n".join(requirements)


def _note(home: Path, requirements: Sequence[str]) -> None:
    (home / "installed.txt").write_text("\n".join(requirements), encoding="utf-8")


def _run(command: Sequence[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise PeerError((done.stderr or done.stdout).strip()[-400:])
