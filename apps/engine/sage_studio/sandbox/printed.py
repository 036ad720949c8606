"""Printed text as lines, each with the line of the source that the marker before it names."""

from __future__ import annotations

from sage_studio.sandbox.limits import LogLine, LogRoom
from sage_studio.sandbox.python_source import MARK


class Printed:
    """Takes text in pieces, as it comes."""

    def __init__(self, room: LogRoom) -> None:
        self._room = room
        self._rest = ""
        self._line = 0

    def take(self, _stream: str, text: str) -> None:
        if self._room.is_full:
            return
        self._rest += text
        while "\n" in self._rest:
            line, self._rest = self._rest.split("\n", 1)
            self._say(line)

    def flush(self) -> None:
        """Say what is left without an end of line."""
        if self._rest.split(MARK)[-1]:
            self._say(self._rest)
        self._rest = ""

    def _say(self, line: str) -> None:
        parts = line.split(MARK)
        numbers = [int(part) for part in parts[1::2] if part.isdigit()]
        if numbers:
            self._line = numbers[-1]
        self._room.take(LogLine("".join(parts[0::2]), self._line))
