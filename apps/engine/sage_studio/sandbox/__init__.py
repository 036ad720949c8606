"""Code and programs nobody has vouched for: where they run and what they may take."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from typing import cast

from sage_studio.kernel import SageError
from sage_studio.sandbox.isolation import isolation
from sage_studio.sandbox.limits import CodeLanguage, CodeLimits, LogLine
from sage_studio.sandbox.protocol import CodeRunner

__all__ = [
    "CodeLanguage",
    "CodeLimits",
    "CodeRunner",
    "LogLine",
    "close_code_runner",
    "code_runner",
    "report_isolation",
]

logger = logging.getLogger("sage_studio.sandbox")
_RUNNER = "sage_studio.sandbox.runner"


def code_runner() -> CodeRunner:
    """The runner of the running event loop; what it needs is loaded when it is first asked for.

    Raises SageError ``sandbox.bad_setting``.
    """
    return cast(CodeRunner, importlib.import_module(_RUNNER).code_runner())


async def report_isolation() -> None:
    """Find out how code is held here and log it, before somebody's run has to wait for that."""
    try:
        await asyncio.to_thread(isolation)
    except SageError as error:
        logger.warning("sandbox_not_ready reason=%s", error.message())


def close_code_runner() -> None:
    """End what the running event loop's runner has started, before the loop ends."""
    if (runner := sys.modules.get(_RUNNER)) is not None:
        runner.close_code_runner()
