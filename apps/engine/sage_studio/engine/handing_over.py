"""Values of a configuration that JavaScript computes, in the sandbox, once per attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.expressions.handing import javascript_of, settled
from sage_studio.sandbox import CodeLimits, code_runner

LIMITS = CodeLimits(time_s=2.0, memory_mb=64, output_bytes=8 << 20)
"""Of one expression: as much as the evaluator's own budget allows, seen from outside."""


async def settled_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with nothing pending in it. Raises SageError ``sandbox.*``."""
    found: dict[str, Any] = await settled(config, _run)
    return found


async def _run(script: str, given: Mapping[str, Any]) -> Any:
    return await code_runner().run("javascript", javascript_of(script), inputs=given, limits=LIMITS)
