"""Expressions as programs for the JavaScript sandbox, and places in its errors as places in their texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from sage_studio.expressions import extras
from sage_studio.expressions.errors import FAILED, fault
from sage_studio.kernel import SageError

_OWN_FUNCTIONS = frozenset(
    {*extras.TEXT, *extras.LIST, *extras.NUMBER, *extras.OBJECT, "DateTime", "ifEmpty"}
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_WAITS = frozenset({"async", "Promise"})


@dataclass(frozen=True, slots=True)
class Reads:
    """The values a script reads by name: for each the members it reads, or None for the whole."""

    members: Mapping[str, frozenset[str] | None]

    @staticmethod
    def of(paths: Iterable[str]) -> Reads:
        found: dict[str, frozenset[str] | None] = {}
        for path in paths:
            root, _, rest = path.partition(".")
            before = found.get(root, frozenset())
            found[root] = None if before is None or not rest else before | {rest.partition(".")[0]}
        return Reads(found)

    def of_value(self, root: str, value: Any) -> Any:
        """As much of a value as is read: the other outputs of a node may be long."""
        members = self.members[root]
        if members is None or not isinstance(value, Mapping):
            return value
        return {name: value[name] for name in members if name in value}


@dataclass(frozen=True, slots=True)
class Script:
    """One expression for JavaScript; ``at`` is where it begins in its text, from 0."""

    source: str
    at: int
    reads: Reads


@dataclass(frozen=True, slots=True)
class Program:
    """The body of a function; ``places`` say on which of its lines which script begins."""

    text: str
    places: Sequence[tuple[int, Script]]

    def error(self, failed: SageError) -> SageError:
        """The sandbox's error about the program as one about the text somebody wrote."""
        facts = failed.facts
        line, column = facts.get("line"), facts.get("column")
        if "message" not in facts or "kind" not in facts:
            return failed
        at = 0
        if isinstance(line, int) and isinstance(column, int):
            for first, script in self.places:
                if first <= line <= first + script.source.count("\n"):
                    before = script.source.split("\n")[: line - first]
                    at = script.at + sum(len(text) + 1 for text in before) + column - 1
        names = ("message", "kind", "hint_en", "hint_zh")
        more = {name: facts[name] for name in (*names, "item") if facts.get(name) is not None}
        return fault(FAILED, at, **{"hint_en": "", "hint_zh": "", **more})


class Sandbox(Protocol):
    """The way to JavaScript. Raises SageError ``sandbox.*``, and ExpressionError at the person's place."""

    async def run(self, program: Program, given: Mapping[str, Any], *, is_for_many: bool = False) -> Any: ...

    async def each(
        self, program: Program, items: Sequence[Any], given: Mapping[str, Any], start: int
    ) -> list[Any]:
        """The program's value for each item, ``item`` and ``index`` (from ``start``) beside ``given``."""
        ...


class _Writer:
    """Puts a program together, every script on lines of its own."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._line = 1
        self.places: list[tuple[int, Script]] = []

    def put(self, text: str) -> None:
        self._text.append(text)
        self._line += text.count("\n")

    def script(self, script: Script) -> None:
        self.put("(\n")
        self.places.append((self._line, script))
        self.put(f"{script.source}\n)")

    def done(self) -> Program:
        text = "".join(self._text)
        begin = _extras() if _OWN_FUNCTIONS & set(_WORD.findall(text)) else ""
        return Program(begin + text, self.places)


def program_of(scripts: Sequence[Script]) -> Program:
    """A program that gives the values of all scripts, in a list."""
    writer = _Writer()
    waits = any(_WAITS & set(_WORD.findall(script.source)) for script in scripts)
    writer.put("return Promise.all([" if waits else "return [")
    for number, script in enumerate(scripts):
        writer.put("," if number else "")
        writer.script(script)
    writer.put("])" if waits else "]")
    return writer.done()


def fold_of(parts: Sequence[str | Script], name: str) -> Program:
    """A program that takes ``name`` from item to item: each gives what the next one finds under it. The first
    of the parts are declarations."""
    writer = _Writer()
    first, *rest = parts
    assert isinstance(first, str), "what the rest needs"
    writer.put(f"{first}return items.reduce(({name}, item, __at) => {{ const index = start + __at; return ")
    for part in rest:
        if isinstance(part, Script):
            writer.script(part)
        else:
            writer.put(part)
    writer.put(f"; }}, {name})")
    return writer.done()


def given_to(scripts: Iterable[Script], scope: Mapping[str, Any]) -> dict[str, Any]:
    """As much of the scope as the scripts read."""
    reads = merged(scripts)
    return {root: reads.of_value(root, scope[root]) for root in reads.members if root in scope}


def merged(scripts: Iterable[Script]) -> Reads:
    found: dict[str, frozenset[str] | None] = {}
    for script in scripts:
        for root, members in script.reads.members.items():
            before = found.get(root, frozenset())
            found[root] = None if before is None or members is None else before | members
    return Reads(found)


@cache
def _extras() -> str:
    """``extras.js`` on one line."""
    text = Path(__file__).with_name("extras.js").read_text(encoding="utf-8")
    return " ".join(line.strip() for line in text.splitlines()) + " "
