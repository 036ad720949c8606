"""Texts whose expressions go beyond the small evaluator: those are handed over to the JavaScript sandbox.

What is handed over is decided when the text is compiled, and only where the evaluator knows what it does not
do (regular expressions, ``new Date()``, functions with a body, …): a slip of the pen stays an error at once.
``evaluate`` then gives a ``Pending``, which whoever awaits things completes (``settle``): all of a
configuration in one call. ``handing_items`` does the same for one expression over many items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sage_studio.expressions.budget import CURRENT, Budget
from sage_studio.expressions.errors import NOT_HERE, UNSUPPORTED, ExpressionError
from sage_studio.expressions.operators import to_text
from sage_studio.expressions.programs import Reads, Sandbox, Script, given_to, program_of
from sage_studio.expressions.script_text import end_of, is_balanced, script_reads
from sage_studio.expressions.template import CACHED, Template, compile_template
from sage_studio.kernel import Json


class Pending(str):
    """A text with values that JavaScript has yet to give; shows as it was written until then."""

    __slots__ = ("scope", "text")
    text: HandedOver
    scope: Mapping[str, Any]

    def completed(self, values: Iterator[Any]) -> Any:
        """The text's value; ``values`` gives those of its scripts in turn."""
        found = [
            next(values)
            if isinstance(part, Script)
            else part.evaluate(self.scope)
            if isinstance(part, Template)
            else part
            for part in self.text.parts
        ]
        return found[0] if len(found) == 1 else joined(found)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A text in parts: plain, for the evaluator, for JavaScript. Reads as a ``Template``."""

    source: str
    parts: tuple[str | Template | Script, ...]
    positions: Mapping[str, int]

    @property
    def reads(self) -> frozenset[str]:
        return frozenset(self.positions)

    @property
    def scripts(self) -> tuple[Script, ...]:
        return tuple(part for part in self.parts if isinstance(part, Script))

    def evaluate(self, scope: Mapping[str, Any]) -> Pending:
        pending = Pending(self.source)
        pending.text, pending.scope = self, scope
        return pending


@lru_cache(maxsize=CACHED)
def compile_handing_over(source: str) -> Template | HandedOver:
    """``compile_template``, with JavaScript for what lies outside. Raises ExpressionError."""
    try:
        return compile_template(source)
    except ExpressionError as error:
        if error.code is not UNSUPPORTED:
            raise
        parts = list(_split(source, error))
    positions: dict[str, int] = {}
    for part, at in parts:
        if isinstance(part, Template):
            for path, position in part.positions.items():
                positions.setdefault(path, at + position)
        elif isinstance(part, Script):
            for path, position in script_reads(part.source).items():
                positions.setdefault(path, at + position)
    return HandedOver(source, tuple(part for part, _ in parts), positions)


def compile_here(source: str, *, hands_over: bool) -> Template | HandedOver:
    """A text at a place that may hand over, or may not: then what needs JavaScript is said to need it.

    Raises ExpressionError."""
    if hands_over:
        return compile_handing_over(source)
    try:
        return compile_template(source)
    except ExpressionError as error:
        if error.code is UNSUPPORTED:
            compile_handing_over(source)
            raise ExpressionError(NOT_HERE, error.facts) from error
        raise


async def settle(value: Any, source: Json, sandbox: Sandbox) -> Any:
    """The value of ``source`` (a text, or a list or object with texts inside) with nothing ``Pending`` in it;
    what it took over from the flow is not looked through. All in one call.

    Raises what ``sandbox`` raises, and ExpressionError.
    """
    holder = [value]
    places = list(_pending(holder, [source]))
    scripts = [script for _, _, pending in places for script in pending.text.scripts]
    if scripts:
        scope = places[0][2].scope
        found = await sandbox.run(program_of(scripts), given_to(scripts, scope))
        values = iter(found)
        for inside, key, pending in places:
            inside[key] = pending.completed(values)
    return holder[0]


def joined(parts: Sequence[Any]) -> str:
    """A text that has several values in it, within a budget of its own."""
    token = CURRENT.set(Budget())
    try:
        return "".join(part if isinstance(part, str) else to_text(part, empty="") for part in parts)
    finally:
        CURRENT.reset(token)


def _pending(values: Any, sources: Any) -> Iterator[tuple[Any, Any, Pending]]:
    """What is pending in a list or object, with the place it stands at."""
    keys = range(len(sources)) if isinstance(sources, list) else list(sources)
    for key in keys:
        source, value = sources[key], values[key]
        if isinstance(value, Pending):
            yield values, key, value
        elif isinstance(source, list | dict) and type(value) is type(source):
            yield from _pending(value, source)


def scripts_in(source: str) -> list[str | Script]:
    """A text's parts, all its expressions as scripts: what the small evaluator can do, JavaScript can. For a
    text that was compiled."""
    return [part if isinstance(part, str) else _script(source, *part) for part in _cut(source)]


def _split(source: str, error: ExpressionError) -> Iterator[tuple[str | Template | Script, int]]:
    """The parts, and where they begin; ``error`` is what the small evaluator says of the whole text."""
    at = 0
    for part in _cut(source):
        if isinstance(part, str):
            yield part, at
            continue
        start, end = part
        if end < 0 or not is_balanced(source[start:end]):
            raise error
        at = end + 2
        try:
            yield compile_template(source[start - 2 : at]), start - 2
        except ExpressionError as refused:
            if refused.code is not UNSUPPORTED:
                raise
            script = _script(source, start, end)
            yield script, script.at


def _script(source: str, start: int, end: int) -> Script:
    text = source[start:end]
    script = text.strip()
    return Script(script, start + len(text) - len(text.lstrip()), Reads.of(script_reads(script)))


def _cut(source: str) -> Iterator[str | tuple[int, int]]:
    """Plain texts, and from where to where expressions stand between their braces (to -1: without an end)."""
    literal, at = "", 0
    while (start := source.find("{{", at)) >= 0:
        if start > at and source[start - 1] == "\\":
            literal += source[at : start - 1] + "{{"
            at = start + 2
            continue
        literal += source[at:start]
        if literal:
            yield literal
        literal = ""
        end = end_of(source, start + 2)
        yield start + 2, -1 if end is None else end
        if end is None:
            return
        at = end + 2
    literal += source[at:]
    if literal:
        yield literal
