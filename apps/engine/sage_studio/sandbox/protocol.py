"""What a node may ask of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sage_studio.sandbox.limits import CodeLanguage, CodeLimits, Log

DEFAULT_LIMITS = CodeLimits()


class CodeRunner(Protocol):
    """Runs code that nobody has vouched for. ``full`` asks for a whole CPython, where an administrator has
    switched it on. Raises SageError ``sandbox.*``."""

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
        """What the source returns; ``inputs`` are its variables."""
        ...

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
        """What the source returns for each ``item`` with its ``index`` (from ``start``), in order."""
        ...

    def close(self) -> None:
        """End all processes; calls under way fail. The next call starts anew."""
        ...
