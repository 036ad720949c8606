"""Expressions beyond the small evaluator over many items: many in one call of the JavaScript sandbox.

A value is a text, or a list or object of such; its scripts go over together, and what the small evaluator can
do stays here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sage_studio.expressions.batch import Each
from sage_studio.expressions.handing import HandedOver, compile_handing_over, joined, scripts_in
from sage_studio.expressions.programs import Sandbox, Script, fold_of, given_to, merged, program_of
from sage_studio.expressions.template import Template
from sage_studio.kernel import Json, SageError

AT_ONCE = 1_000
_PER_ITEM = ("item", "index")
_TOO_MUCH = frozenset({"sandbox.out_of_memory", "sandbox.too_large"})
_TO_TEXT = (
    "const __text = (value) => value === null || value === undefined ? '' : "
    "typeof value === 'object' ? JSON.stringify(value) : String(value); "
)


def needs_sandbox(value: Json) -> bool:
    """Whether any text inside needs JavaScript. Raises ExpressionError."""
    return any(isinstance(text, HandedOver) for text in _texts(value))


async def values_over(
    value: Json, scope: Mapping[str, Any], items: Sequence[Any], start: int, sandbox: Sandbox
) -> list[Any]:
    """The value for each item. Raises what ``sandbox`` raises, and ExpressionError; the fact ``item`` is the
    index of the item it happened on."""
    found: list[Any] = []
    scripts = [script for text in _texts(value) if isinstance(text, HandedOver) for script in text.scripts]
    for at in range(0, len(items), AT_ONCE):
        part = items[at : at + AT_ONCE]
        rows = await _rows(scripts, scope, part, start + at, sandbox)
        columns = iter([list(column) for column in zip(*rows, strict=True)])
        found += _filled(value, scope, part, start + at, columns)
    return found


async def fold_over(
    value: Json, scope: Mapping[str, Any], items: Sequence[Any], start: int, *, carried: str, sandbox: Sandbox
) -> Any:
    """The value for the last item, where each item finds the value for the one before under ``carried``
    (at first, that of the scope). Raises like ``values_over``."""
    parts = [_TO_TEXT, *_as_javascript(value)]
    scripts = [part for part in parts if isinstance(part, Script)]
    program = fold_of(parts, carried)
    given = given_to(scripts, {name: held for name, held in scope.items() if name not in _PER_ITEM})
    total = scope[carried]
    for at in range(0, len(items), AT_ONCE):
        some = list(items[at : at + AT_ONCE])
        given |= {carried: total, "items": some, "start": start + at}
        total = await sandbox.run(program, given, is_for_many=True)
    return total


def _texts(value: Json) -> Iterator[str | Template | HandedOver]:
    """Every text with expressions in it, in order, compiled."""
    if isinstance(value, str):
        if "{{" in value:
            yield compile_handing_over(value)
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


async def _rows(
    scripts: Sequence[Script], scope: Mapping[str, Any], items: Sequence[Any], start: int, sandbox: Sandbox
) -> list[Any]:
    """For each item the values of all scripts. What is too much at once goes in halves."""
    outer = {name: held for name, held in scope.items() if name not in _PER_ITEM}
    reads = merged(scripts)
    given_items = [reads.of_value("item", item) for item in items] if "item" in reads.members else items
    if "item" not in reads.members:
        given_items = [None] * len(items)
    try:
        return await sandbox.each(program_of(scripts), given_items, given_to(scripts, outer), start)
    except SageError as error:
        if error.code.code not in _TOO_MUCH or len(items) == 1:
            raise
    half = len(items) // 2
    first = await _rows(scripts, scope, items[:half], start, sandbox)
    return first + await _rows(scripts, scope, items[half:], start + half, sandbox)


def _filled(
    value: Json, scope: Mapping[str, Any], items: Sequence[Any], start: int, columns: Iterator[list[Any]]
) -> list[Any]:
    """The value for each item; ``columns`` gives, script by script, what JavaScript made of the items."""
    if isinstance(value, dict) and value:
        parts = [_filled(part, scope, items, start, columns) for part in value.values()]
        return [dict(zip(value, row, strict=True)) for row in zip(*parts, strict=True)]
    if isinstance(value, list) and value:
        parts = [_filled(part, scope, items, start, columns) for part in value]
        return [list(row) for row in zip(*parts, strict=True)]
    text = compile_handing_over(value) if isinstance(value, str) and "{{" in value else None
    if not isinstance(text, HandedOver):
        return Each(value).values(scope, items, start)
    parts = [
        next(columns)
        if isinstance(part, Script)
        else part.evaluate_each(dict(scope), items, start)
        if isinstance(part, Template)
        else [part] * len(items)
        for part in text.parts
    ]
    return parts[0] if len(parts) == 1 else [joined(row) for row in zip(*parts, strict=True)]


def _as_javascript(value: Json) -> Iterator[str | Script]:
    """A value with expressions inside as JavaScript, the small evaluator's own expressions too."""
    if isinstance(value, dict):
        for number, (key, part) in enumerate(value.items()):
            yield ("," if number else "({") + f"[{json.dumps(key)}]:"
            yield from _as_javascript(part)
        yield "})" if value else "({})"
    elif isinstance(value, list):
        yield "["
        for part in value:
            yield from _as_javascript(part)
            yield ","
        yield "]"
    elif isinstance(value, str) and "{{" in value:
        yield from _text_as_javascript(value)
    else:
        yield json.dumps(value)


def _text_as_javascript(text: str) -> Iterator[str | Script]:
    parts = scripts_in(text)
    if len(parts) == 1 and isinstance(parts[0], Script):
        yield from parts
        return
    yield "["
    for part in parts:
        if isinstance(part, Script):
            yield "__text("
            yield part
            yield "),"
        else:
            yield json.dumps(part) + ","
    yield "].join('')"
