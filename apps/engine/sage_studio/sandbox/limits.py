"""What one call of a person's code may take, and the lines it prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

CodeLanguage = Literal["python", "javascript"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLimits:
    """``time_s`` is the code's own running time; it is killed from outside ``GRACE_S`` after it. What it
    prints beyond ``log_bytes`` is dropped; a result beyond ``output_bytes`` is an error."""

    time_s: float = 10.0
    memory_mb: int = 128
    output_bytes: int = 32 << 20
    log_bytes: int = 256 << 10


GRACE_S = 1.0
MEMORY_MOST_MB = 1024
SOURCE_MOST_BYTES = 256 << 10


class LogLine(NamedTuple):
    """One line the code printed; ``line`` is the line of the source that did, 0 where nobody knows."""

    text: str
    line: int = 0
    level: str = "info"


Log: TypeAlias = Callable[[LogLine], None]


class LogRoom:
    """Passes lines on until the room is used up, then says so once."""

    def __init__(self, log: Log | None, room: int) -> None:
        self._log = log
        self._room = room

    @property
    def is_full(self) -> bool:
        return self._log is None or self._room <= 0

    def take(self, line: LogLine) -> None:
        if self._log is None or self._room <= 0:
            return
        line = line._replace(text=line.text[: self._room])
        self._room -= len(line.text) + 1
        self._log(line)
        if self._room <= 0:
            self._log(LogLine("… (further output is left out)", line.line, "warning"))
