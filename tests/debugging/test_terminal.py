"""``sage-studio run --debug`` with a person who types."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from sage_studio.cli.debug import Terminal
from sage_studio.engine import LocalExecutor
from sage_studio.engine.debugging.face import Debugger
from tests.debugging.test_flows import CHAIN, LOOP, plan
from tests.engine.nodes import HOST


async def drive(body: dict[str, Any], lines: Iterator[str], *breakpoints: str) -> tuple[object, str]:
    """The run's outputs and what the person saw."""
    out = io.StringIO()

    async def ask() -> str:
        return next(lines)

    with LocalExecutor(HOST) as executor:
        terminal = Terminal(Debugger(executor, plan(body)), ask=ask, out=out)
        result = await terminal.drive({}, breakpoints)
    return result.outputs, out.getvalue()


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


async def test_inputs_are_shown_and_edited_and_nonsense_is_answered() -> None:
    lines = iter(["?", "i value {", "i value 5\n", "p", "w", "c"])
    outputs, seen = await drive(CHAIN, lines, "b")
    assert outputs == {"c": 5 + 10 + 1}
    assert "Breakpoint before b" in seen
    assert "value = 5" in seen
    assert "Unknown: ?" in seen
    assert "This is not JSON" in seen


async def test_outputs_are_given_and_a_loop_is_stepped_into() -> None:
    lines = iter(["s", "g value 0", "b y item == 3", "c", "n", "c"])
    outputs, seen = await drive(LOOP, lines, "loop")
    assert outputs == {"end": [1, 5, 7]}
    assert "loop.0@1" in seen


async def test_q_ends_the_run() -> None:
    outputs, _ = await drive(CHAIN, iter(["q"]))
    assert outputs == {}
