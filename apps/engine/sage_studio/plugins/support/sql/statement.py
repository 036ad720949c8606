"""Finds the values a statement asks for, without being fooled by texts, comments and casts in it.

People write ``:name`` or ``$1``; each driver has a notation of its own. Values never become part of the
statement's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

Notation = Literal["dollar", "percent", "numbered"]
NO_VALUE = define_error(
    "sql.no_value",
    3511,
    en="The statement asks for “{name}”, but there is no such value.",
    zh="SQL 语句需要参数“{name}”，但未提供该值。",
    hint_en="Add it under “Values”. There is: {known}.",
    hint_zh="请在“参数值”中添加。现有：{known}。",
    status=422,
)
TEMPLATE = define_error(
    "sql.template",
    3512,
    en="The statement holds {{ }}: values must not become part of its text.",
    zh="SQL 语句中包含 {{ }}：值不能拼接进语句文本。",
    hint_en="Write :name in the statement, and put the expression under “Values” as “name”. This keeps what "
    "people type from changing the statement.",
    hint_zh="请在语句中写 :name，并在“参数值”中以 name 为名填写该表达式，以防 SQL 注入。",
    status=422,
)
EMPTY = define_error(
    "sql.empty",
    3513,
    en="There is no statement.",
    zh="没有可执行的 SQL 语句。",
    status=422,
)
_TEXT = r"'(?:[^']|'')*'"
_ESCAPED_TEXT = r"'(?:[^'\\]|''|\\.)*'"


def _pieces(plain_text: str) -> re.Pattern[str]:
    return re.compile(
        rf"""
        (?P<skip>
            [eE]{_ESCAPED_TEXT}
          | {plain_text}
          | "(?:[^"]|"")*"
          | `(?:[^`]|``)*`
          | --[^\n]*
          | /\*.*?\*/
          | (?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag)
          | ::
          | :=
        )
        | (?<![\w:\])]):(?P<name>[A-Za-z_]\w*)
        | (?<![\w$])\$(?P<number>[1-9]\d{{0,3}})\b
        | (?P<percent>%)
        """,
        re.VERBOSE | re.DOTALL,
    )


# Only in MySQL a backslash escapes in every text.
_PIECES: dict[Notation, re.Pattern[str]] = {
    "dollar": _pieces(_TEXT), "numbered": _pieces(_TEXT), "percent": _pieces(_ESCAPED_TEXT),
}  # fmt: skip
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement in a driver's notation, and the values in the order it takes them. ``changes`` are the
    places where it differs from ``source``: where in the new text, its length there, and the old one."""

    sql: str
    values: tuple[Any, ...]
    source: str
    changes: tuple[tuple[int, int, int], ...] = ()

    @property
    def first_word(self) -> str:
        match = _FIRST_WORD.match(self.sql)
        return match[1].lower() if match else ""

    def source_position(self, position: int) -> int:
        """Where in ``source`` a place of ``sql`` lies; both count from 1."""
        moved = 0
        for at, new, old in self.changes:
            if at + new >= position:
                break
            moved += old - new
        return position + moved


def bind(sql: str, values: Any, notation: Notation, adapt: Callable[[Any], Any]) -> Bound:
    """Raises NodeError ``sql.no_value``, ``sql.template`` and ``sql.empty``."""
    source = sql.rstrip().rstrip(";")
    if not source.strip():
        raise NodeError(EMPTY, path="config.sql")
    binder = _Binder(_named(values), notation, adapt)
    made = _PIECES[notation].sub(binder.place, source)
    if "{{" in _PIECES[notation].sub(lambda match: "" if match["skip"] else match[0], source):
        raise NodeError(TEMPLATE, path="config.sql")
    return Bound(made, tuple(binder.taken), source, tuple(binder.changes))


class _Binder:
    def __init__(self, known: Mapping[str, Any], notation: Notation, adapt: Callable[[Any], Any]) -> None:
        self._known = known
        self._notation = notation
        self._adapt = adapt
        self._order: dict[str, int] = {}
        self.taken: list[Any] = []
        self.changes: list[tuple[int, int, int]] = []
        self._shift = 0

    def place(self, match: re.Match[str]) -> str:
        new = self._new(match)
        if len(new) != len(match[0]):
            self.changes.append((match.start() + self._shift, len(new), len(match[0])))
            self._shift += len(new) - len(match[0])
        return new

    def _new(self, match: re.Match[str]) -> str:
        if match["skip"] or match["percent"]:
            return match[0].replace("%", "%%") if self._notation == "percent" else match[0]
        name: str = match["name"] or match["number"]
        if name not in self._known:
            facts = {"name": match[0], "known": ", ".join(self._known) or "–"}
            raise NodeError(NO_VALUE, dict(facts), path="config.sql")
        if self._notation == "percent":
            self.taken.append(self._adapt(self._known[name]))
            return "%s"
        if name not in self._order:
            self.taken.append(self._adapt(self._known[name]))
            self._order[name] = len(self.taken)
        return f"{'$' if self._notation == 'dollar' else '?'}{self._order[name]}"


def _named(values: Any) -> Mapping[str, Any]:
    if isinstance(values, Mapping):
        return {str(name): value for name, value in values.items()}
    listed = values if isinstance(values, list) else [] if values in (None, "") else [values]
    return {str(number): value for number, value in enumerate(listed, start=1)}
