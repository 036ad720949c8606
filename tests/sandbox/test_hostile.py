"""Code that means harm ends in a clear error within its limits, with bubblewrap and without, and leaves the
next call as if it had never been."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sage_studio.kernel import SageError
from sage_studio.sandbox.cpython_engine import CpythonEngine
from sage_studio.sandbox.isolation import Isolation
from sage_studio.sandbox.javascript_engine import JavascriptEngine
from sage_studio.sandbox.limits import CodeLimits, LogLine
from sage_studio.sandbox.python_engine import PythonEngine
from sage_studio.sandbox.runner import SandboxRunner
from tests.sandbox.hostile import DONE, FULL_PYTHON, JAVASCRIPT, LATE, PYTHON, Snippets
from tests.sandbox.test_isolation import isolations

LIMITS = CodeLimits(time_s=0.1, memory_mb=32, output_bytes=4 << 20, log_bytes=10_000)
LANGUAGES = {"python": (PYTHON, "return {'n': n + 1}"), "javascript": (JAVASCRIPT, "return {n: n + 1}")}


class Tried:
    """A runner behind given walls."""

    def __init__(self, walls: Isolation) -> None:
        self.runner = SandboxRunner(workers=2, allows_full=True, idle_s=0)
        engines: Any = {"python": PythonEngine(walls, 2), "javascript": JavascriptEngine(walls, 2)}
        if walls.contains_programs:
            engines["full"] = CpythonEngine(walls, 2)
        self.runner._engines.update(engines)

    async def outcome(self, language: Any, source: str, *, full: bool = False) -> str:
        """``done``, or the code of the error, which must read well in both languages."""
        lines: list[LogLine] = []
        try:
            result = await self.runner.run(
                language, source, inputs={}, limits=LIMITS, log=lines.append, full=full
            )
        except SageError as error:
            reads_well = all(5 < len(text) < 1_500 for text in (error.message("en"), error.message("zh")))
            outcome = error.code.code if reads_well else f"unreadable {error.code.code}"
        else:
            json.dumps(result, ensure_ascii=False).encode()
            outcome = DONE if result is not True else "got out"
        said = sum(len(line.text) for line in lines)
        return outcome if said <= LIMITS.log_bytes + 100 else "flooded the log"

    async def wrong(self, language: str, snippets: Snippets, *, full: bool = False) -> dict[str, str]:
        """Those that end otherwise than they should."""
        results = await asyncio.gather(
            *(self.outcome(language, source, full=full) for source, _ in snippets.values())
        )
        ended = zip(snippets.items(), results, strict=True)
        return {name: result for (name, (_, may)), result in ended if result not in {*may, LATE}}


@pytest.fixture(params=isolations(), ids=lambda walls: walls.level)
async def tried(request: pytest.FixtureRequest) -> AsyncIterator[Tried]:
    held = Tried(request.param)
    yield held
    held.runner.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.timeout(300)
async def test_hostile_code_ends_in_a_clear_error_and_leaves_nothing(tried: Tried, language: Any) -> None:
    snippets, kind = LANGUAGES[language]
    assert await tried.wrong(language, snippets) == {}
    assert await tried.runner.run(language, kind, inputs={"n": 1}) == {"n": 2}


@pytest.mark.timeout(300)
async def test_hostile_programs_in_full_python_are_held_by_bubblewrap(tried: Tried) -> None:
    if "full" not in tried.runner._engines:
        pytest.skip("needs bubblewrap")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        snippets = {
            name: (source.replace("PORT", str(port)), allowed)
            for name, (source, allowed) in FULL_PYTHON.items()
        }
        assert await tried.wrong("python", snippets, full=True) == {}
    assert await tried.runner.run("python", "return n + 1", inputs={"n": 1}, full=True) == 2


async def test_nothing_of_a_call_is_there_in_the_next(tried: Tried) -> None:
    run = tried.runner.run
    await run("javascript", "globalThis.left = 1; Array.prototype.left = 2; return 1", inputs={})
    assert await run("javascript", "return [typeof left, typeof [].left]", inputs={}) == ["undefined"] * 2
    await run("python", "global left\nleft = 1\nreturn 1", inputs={})
    with pytest.raises(SageError, match="name 'left' is not defined"):
        await run("python", "return left", inputs={})


async def test_a_worker_that_is_killed_is_replaced(tried: Tried) -> None:
    engine: Any = tried.runner._engines["javascript"]
    await tried.runner.run("javascript", "return 1", inputs={})
    (pid,) = engine.pool.pids
    os.kill(pid, 9)
    while engine.pool._idle[0].is_alive:
        await asyncio.sleep(0.01)
    assert await tried.runner.run("javascript", "return 2", inputs={}) == 2
    assert engine.pool.pids != [pid]


@pytest.mark.parametrize(
    ("language", "source"),
    [("python", "while True: pass"), ("javascript", "while (true) {}")],
)
async def test_a_call_that_is_cancelled_ends_at_once(tried: Tried, language: Any, source: str) -> None:
    run = tried.runner.run
    assert await run(language, "return 1", inputs={}) == 1
    calls = [
        asyncio.create_task(run(language, source, inputs={}, limits=CodeLimits(time_s=3_000)))
        for _ in range(2)
    ]
    waiting = asyncio.create_task(run(language, "return 2", inputs={}))
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    assert await waiting == 2
