"""A person's JavaScript as a function for the sandbox, and places in its errors as places in their source.

The source is either the body of a function (``return`` gives the result) or defines ``main``, which is then
called: with the inputs one by one, or with one object of them where it takes one apart (``main({a, b})``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

FAMILIAR = ("$json", "$input")
_MAIN = re.compile(r"^(?:async\s+)?function\s+main\s*\(([^)]*)\)", re.MULTILINE)
_AWAITS = re.compile(r"\bawait\b")
_FAMILIAR = re.compile(r"\$(json|input)\b")
_FRAME = re.compile(
    r"^\s*at (?:(?P<name>\S.*?) \()?<input>:(?P<line>\d+)(?::(?P<column>\d+))?\)?\s*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class JavascriptProgram:
    """``text`` is an expression that gives a function of ``names``; ``lines`` lie before the source."""

    text: str
    source: str
    names: tuple[str, ...]
    each: bool
    is_familiar: bool
    lines: int = 1

    def place(self, stack: str) -> tuple[int, int] | None:
        """The innermost place of a stack that lies in the source, both from 1."""
        for frame in _FRAME.finditer(stack):
            if (frame["name"] or "").startswith("__sage"):
                continue
            line = int(frame["line"]) - self.lines
            if 1 <= line <= self.source.count("\n") + 1:
                return line, int(frame["column"] or 1)
        return None


def javascript_program(source: str, names: Sequence[str], *, each: bool) -> JavascriptProgram:
    """``each``: the input ``item`` is a list, and the source is for one of it at a time."""
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")
    is_familiar = _FAMILIAR.search(source) is not None
    known = (*names, *FAMILIAR) if is_familiar else tuple(names)
    waits = "async " if _AWAITS.search(source) else ""
    after = ""
    if main := _MAIN.search(source):
        inside = main[1].strip()
        wanted = [re.split("=", part)[0].strip() for part in inside.split(",")]
        given = ", ".join(name for name in wanted if name in known)
        after = (
            f"return main({{{', '.join(known)}}});" if inside.startswith("{") else f"return main({given});"
        )
    text = f"({waits}function ({', '.join(known)}) {{\n{source}\n{after}}})"
    return JavascriptProgram(text, source, known, each, is_familiar)
