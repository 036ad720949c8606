"""The one way to run a person's code: ``code_runner()`` of this process.

Engines start with the first call in their language and end when nobody has called for a while; every call is
fresh. ``map`` runs code once per item, many items in one crossing.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar, cast

from sage_studio.kernel import SageError
from sage_studio.sandbox import javascript_source, python_source
from sage_studio.sandbox.border import decoded, encoded
from sage_studio.sandbox.code_errors import at_item
from sage_studio.sandbox.cpython_engine import CpythonEngine
from sage_studio.sandbox.errors import BAD_SETTING, FULL_PYTHON_OFF, SOURCE_TOO_LONG
from sage_studio.sandbox.isolation import Isolation, isolation
from sage_studio.sandbox.javascript_engine import JavascriptEngine
from sage_studio.sandbox.limits import SOURCE_MOST_BYTES, CodeLanguage, CodeLimits, Log
from sage_studio.sandbox.protocol import DEFAULT_LIMITS
from sage_studio.sandbox.python_engine import PythonEngine

WORKERS_SETTING, FULL_PYTHON_SETTING = "SAGE_SANDBOX_WORKERS", "SAGE_FULL_PYTHON"
IDLE_S = 120.0
E = TypeVar("E", PythonEngine, JavascriptEngine, CpythonEngine)


class _Call(NamedTuple):
    language: CodeLanguage
    source: str
    limits: CodeLimits
    log: Log | None
    full: bool


class SandboxRunner:
    """Belongs to one event loop. ``workers`` bounds the processes of each engine."""

    def __init__(self, *, workers: int, allows_full: bool = False, idle_s: float = IDLE_S) -> None:
        self._workers = workers
        self._allows_full = allows_full
        self._idle_s = idle_s
        self._engines: dict[str, PythonEngine | JavascriptEngine | CpythonEngine] = {}
        self._opening = asyncio.Lock()
        self._under_way = 0
        self._called_at = 0.0
        self._look: asyncio.TimerHandle | None = None

    async def run(
        self,
        language: CodeLanguage,
        source: str,
        *,
        inputs: Mapping[str, Any],
        limits: CodeLimits = DEFAULT_LIMITS,
        log: Log | None = None,
        full: bool = False,
    ) -> Any:
        given = encoded(inputs)
        call = _Call(language, source, limits, log, full)
        text = await self._call(call, list(inputs), given, each=False)
        return decoded(text, limits.output_bytes)

    async def map(
        self,
        language: CodeLanguage,
        source: str,
        items: Sequence[Any],
        *,
        inputs: Mapping[str, Any],
        start: int = 0,
        limits: CodeLimits = DEFAULT_LIMITS,
        log: Log | None = None,
        full: bool = False,
    ) -> list[Any]:
        if not items:
            return []
        every = {**inputs, "item": items if isinstance(items, list) else list(items), "index": start}
        given = encoded(every)
        try:
            call = _Call(language, source, limits, log, full)
            text = await self._call(call, list(every), given, each=True)
        except SageError as error:
            raise at_item(error, start) from error.__cause__
        results: list[Any] = decoded(text, limits.output_bytes)
        return results

    async def _call(self, call: _Call, names: Sequence[str], given: str, *, each: bool) -> str:
        if len(call.source) > SOURCE_MOST_BYTES:
            raise SageError(SOURCE_TOO_LONG, {"limit_kb": SOURCE_MOST_BYTES >> 10})
        self._under_way += 1
        try:
            if call.language == "javascript":
                javascript = javascript_source.javascript_program(call.source, names, each=each)
                engine = await self._engine("javascript", JavascriptEngine)
                return await engine.run(javascript, given, call.limits, call.log)
            python = python_source.python_program(call.source, names, each=each)
            if not call.full:
                safe = await self._engine("python", PythonEngine)
                return await safe.run(python, given, call.limits, call.log)
            if not self._allows_full:
                raise SageError(FULL_PYTHON_OFF)
            whole = await self._engine("full", CpythonEngine)
            return await whole.run(python, given, call.limits, call.log)
        finally:
            self._under_way -= 1
            self._called_at = time.monotonic()
            self._watch()

    async def _engine(self, name: str, make: Callable[[Isolation, int], E]) -> E:
        if name not in self._engines:
            async with self._opening:
                if name not in self._engines:
                    walls = await asyncio.to_thread(isolation)
                    self._engines[name] = make(walls, self._workers)
        return cast(E, self._engines[name])

    def _watch(self) -> None:
        if self._look is None and self._idle_s:
            self._look = asyncio.get_running_loop().call_later(self._idle_s, self._let_go)

    def _let_go(self) -> None:
        """End what has been idle; look again later when it has not."""
        self._look = None
        if self._under_way or time.monotonic() - self._called_at < self._idle_s * 0.9:
            self._watch()
        else:
            self._end()

    def _end(self) -> None:
        engines, self._engines = self._engines, {}
        for engine in engines.values():
            engine.close()

    def close(self) -> None:
        """End all processes; calls under way fail. The next call starts anew."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._end()


_RUNNERS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, SandboxRunner] = weakref.WeakKeyDictionary()


def code_runner() -> SandboxRunner:
    """The runner of the running event loop. Raises SageError ``sandbox.bad_setting``."""
    loop = asyncio.get_running_loop()
    runner = _RUNNERS.get(loop)
    if runner is None:
        runner = _RUNNERS[loop] = SandboxRunner(
            workers=_workers(os.environ), allows_full=_is_on(os.environ.get(FULL_PYTHON_SETTING, ""))
        )
    return runner


def close_code_runner() -> None:
    """End the processes of the running loop's runner, if it has any."""
    if (runner := _RUNNERS.pop(asyncio.get_running_loop(), None)) is not None:
        runner.close()


def _workers(environ: Mapping[str, str]) -> int:
    text = environ.get(WORKERS_SETTING, "")
    if not text:
        return max(2, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
    with suppress(ValueError):
        if 1 <= int(text) <= 256:
            return int(text)
    raise SageError(BAD_SETTING, {"name": WORKERS_SETTING, "value": text, "allowed": "1…256"})


def _is_on(text: str) -> bool:
    return text.lower() in {"1", "true", "yes", "on"}
