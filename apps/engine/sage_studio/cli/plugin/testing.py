"""``plugin test`` and ``plugin dev``."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sage_studio.cli import exit_codes
from sage_studio.cli.terminal import coloured, language, one_line, say
from sage_studio.kernel import Text
from sage_studio.plugins.manager import load_folder
from sage_studio.plugins.manager.content import content_of
from sage_studio.plugins.manager.installed import opened
from sage_studio.sdk import Node
from sage_studio.testing import Finding, NodeRun, examine, run_example

_SIGNS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "skipped": ("–", "grey")}
_SUM = Text(
    en="{nodes} nodes, {errors} errors, {warnings} warnings.",
    zh="{nodes} 个节点，{errors} 个错误，{warnings} 个警告。",
)
_WATCHING = Text(en="Watching {path}. Ctrl-C ends it.", zh="正在监视 {path}，按 Ctrl-C 结束。")
_LOOK_S = 0.5


def test(chosen: argparse.Namespace) -> int:
    """Examine every node of a plug-in; exit code 1 when one has errors."""
    with opened(chosen.path) as folder:
        loaded = load_folder(folder.absolute())
        errors = warnings = 0
        for node in loaded.nodes:
            findings = asyncio.run(examine(node, kinds=loaded.plugin.credential_kinds))
            _print(node, findings)
            if chosen.show:
                _print_run(asyncio.run(run_example(node, kinds=loaded.plugin.credential_kinds)))
            errors += sum(finding.severity == "error" for finding in findings)
            warnings += sum(finding.severity == "warning" for finding in findings)
        say(_SUM, nodes=len(loaded.nodes), errors=errors, warnings=warnings)
    return exit_codes.FAILED if errors or (chosen.strict and warnings) else exit_codes.OK


def _print(node: type[Node], findings: list[Finding]) -> None:
    tongue = language()
    is_good = not any(finding.severity == "error" for finding in findings)
    sign = coloured("✓", "green", sys.stdout) if is_good else coloured("✗", "red", sys.stdout)
    print(f"{sign} {node.spec.id} {node.spec.version}")
    for finding in findings:
        mark, colour = _SIGNS[finding.severity]
        print(f"  {coloured(mark, colour, sys.stdout)} {finding.check}: {finding.message[tongue]}")


def _print_run(run: NodeRun) -> None:
    for line in run.log:
        print(f"  {one_line(line)}")
    if run.error is not None:
        print(f"  → {run.error['message']}")
    for port, value in run.outputs.items():
        print(f"  {port} = {one_line(json.dumps(value, ensure_ascii=False, default=str))}")


def dev(chosen: argparse.Namespace) -> int:
    """Test at every save until Ctrl-C; each time in a new process, so that the newest code runs."""
    say(_WATCHING, path=chosen.path)
    again = [sys.executable, "-m", "sage_studio.cli", "plugin", "test", str(chosen.path), "--show"]
    at_every_change(chosen.path, lambda: subprocess.run(again, check=False))  # noqa: S603 - our own command
    return exit_codes.OK


def at_every_change(
    path: Path, action: Callable[[], object], *, wait: Callable[[float], object] = time.sleep
) -> None:
    """Do it now, and whenever a file of the plug-in has changed, until ``wait`` raises KeyboardInterrupt."""
    seen = None
    while True:
        now = _state(path)
        if now != seen:
            seen = now
            action()
        try:
            wait(_LOOK_S)
        except KeyboardInterrupt:
            return


def _state(path: Path) -> dict[str, tuple[int, int]]:
    files = content_of(path) if path.is_dir() else [(path.name, path)]
    return {name: (file.stat().st_mtime_ns, file.stat().st_size) for name, file in files if file.exists()}
