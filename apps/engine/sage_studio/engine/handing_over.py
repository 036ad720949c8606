"""The one way from expressions to the JavaScript sandbox: limits, and errors at the person's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.expressions.handing import settle
from sage_studio.expressions.programs import Program
from sage_studio.kernel import Json, SageError
from sage_studio.sandbox import CodeLimits, CodeRunner, code_runner

LIMITS = CodeLimits(time_s=2.0, memory_mb=64, output_bytes=8 << 20)
"""Of one configuration's expressions: as much as the evaluator's own budget allows, seen from outside."""
ITEM_LIMITS = CodeLimits(time_s=10.0, memory_mb=256, output_bytes=64 << 20)
"""Of one expression over up to a thousand items."""


class ExpressionSandbox:
    """``expressions.programs.Sandbox``; ``runner`` is this process's own unless a node has another."""

    def __init__(self, runner: CodeRunner | None = None) -> None:
        self._runner = runner

    async def run(self, program: Program, given: Mapping[str, Any], *, is_for_many: bool = False) -> Any:
        limits = ITEM_LIMITS if is_for_many else LIMITS
        try:
            return await self._way().run("javascript", program.text, inputs=given, limits=limits)
        except SageError as error:
            raise program.error(error) from error.__cause__

    async def each(
        self, program: Program, items: Sequence[Any], given: Mapping[str, Any], start: int
    ) -> list[Any]:
        try:
            return await self._way().map(
                "javascript", program.text, items, inputs=given, start=start, limits=ITEM_LIMITS
            )
        except SageError as error:
            raise program.error(error) from error.__cause__

    def _way(self) -> CodeRunner:
        return self._runner or code_runner()


async def settled_config(config: Mapping[str, Any], handed: Mapping[str, Json]) -> dict[str, Any]:
    """The configuration with nothing pending in the fields that are ``handed`` over, by their sources.

    Raises SageError ``expression.*`` and ``sandbox.*``.
    """
    given = {name: source for name, source in handed.items() if name in config}
    values: dict[str, Any] = {name: config[name] for name in given}
    return {**config, **await settle(values, given, ExpressionSandbox())}


async def settled_value(value: Any, source: Json) -> Any:
    """``settled_config`` for one value."""
    return await settle(value, source, ExpressionSandbox())
