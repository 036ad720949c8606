"""One expression over many items at once.

The general way evaluates item by item with one budget. Where items come as columns and an
expression only reads fields of ``item``, calculates, compares and joins, it becomes one Python
comprehension over those columns, chosen by the kinds of values that are really in them; its results
are those of the general way, which takes over wherever that cannot be promised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal as Only, Protocol, TypeAlias

from sage_studio.expressions.errors import ExpressionError
from sage_studio.expressions.lexer import tokens
from sage_studio.expressions.methods import PLAIN_TEXT
from sage_studio.expressions.parser import parse_tokens
from sage_studio.expressions.syntax import Binary, Call, Choice, Literal, Member, Name, Node, Unary
from sage_studio.expressions.template import compile_template
from sage_studio.kernel import Json

Kind: TypeAlias = Only["integer", "number", "text", "boolean"]
Columns: TypeAlias = Sequence[Any]
_EXACT = 2**53
_KINDS: Mapping[type, Kind] = {int: "integer", float: "number", str: "text", bool: "boolean"}
_ARITHMETIC = frozenset({"+", "-", "*", "/"})
_COMPARISON = frozenset({"<", ">", "<=", ">="})
_EQUAL = {"===": "==", "!==": "!=", "==": "==", "!=": "!="}
_TEXT_TESTS = {
    "startsWith": "{0}.startswith({1})",
    "endsWith": "{0}.endswith({1})",
    "includes": "({1} in {0})",
}


class Table(Protocol):
    """Items kept as columns (``sdk.Rows``)."""

    def __len__(self) -> int: ...

    def column(self, name: str, /) -> Sequence[Any] | None: ...


class _General(Exception):
    """This expression, or this chunk, is for the general way."""


@dataclass(slots=True)
class _Code:
    """A comprehension in the making: ``columns`` and ``constants`` by their names in it."""

    kinds: Mapping[str, Kind]
    constants: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    uses_index: bool = False

    def constant(self, value: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def column(self, name: str) -> tuple[str, Kind]:
        if name not in self.kinds:
            raise _General
        return self.columns.setdefault(name, f"c{len(self.columns)}"), self.kinds[name]

    # Each method answers Python source and the kind of its value.

    def of(self, node: Node) -> tuple[str, Kind]:
        if isinstance(node, Literal):
            kind = _KINDS.get(type(node.value))
            if kind is None:
                raise _General
            return self.constant(node.value), kind
        if isinstance(node, Name) and node.name == "index":
            self.uses_index = True
            return "i", "integer"
        if isinstance(node, Member):
            return self.column(_item_field(node))
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Choice):
            return self._choice(node)
        if isinstance(node, Call):
            return self._call(node)
        raise _General

    def _unary(self, node: Unary) -> tuple[str, Kind]:
        value, kind = self.of(node.value)
        if node.op == "!" and kind == "boolean":
            return f"(not {value})", "boolean"
        if node.op == "-" and kind == "number":
            return f"(-{value})", "number"
        raise _General

    def _binary(self, node: Binary) -> tuple[str, Kind]:
        (left, mine), (right, theirs) = self.of(node.left), self.of(node.right)
        op, are_numbers = node.op, _is_number(mine) and _is_number(theirs)
        alike = are_numbers or mine == theirs
        if op in ("&&", "||") and mine == theirs == "boolean":
            return f"({left} {'and' if op == '&&' else 'or'} {right})", "boolean"
        if op in _COMPARISON and (are_numbers or mine == theirs == "text"):
            return f"({left} {op} {right})", "boolean"
        if op in _EQUAL and alike:
            return f"({left} {_EQUAL[op]} {right})", "boolean"
        if op == "+" and mine == theirs == "text":
            return f"({left} + {right})", "text"
        if op in _ARITHMETIC and are_numbers:
            if op == "/" and not self.constants.get(right):
                raise _General  # dividing by what may be 0
            # JavaScript counts in floats: so does every step here, and the last one tidies.
            return f"({_float(left, mine)} {op} {_float(right, theirs)})", "number"
        raise _General

    def _choice(self, node: Choice) -> tuple[str, Kind]:
        test, kind = self.of(node.test)
        (then, mine), (otherwise, theirs) = self.of(node.then), self.of(node.otherwise)
        if kind != "boolean" or mine != theirs or mine == "number":
            raise _General
        return f"({then} if {test} else {otherwise})", mine

    def _call(self, node: Call) -> tuple[str, Kind]:
        if node.base is None:
            raise _General
        base, kind = self.of(node.base)
        if kind != "text":
            raise _General
        if node.name in PLAIN_TEXT and not node.args:
            return f"{self.constant(PLAIN_TEXT[node.name])}({base})", "text"
        if node.name in _TEXT_TESTS and len(node.args) == 1:
            needle, needle_kind = self.of(node.args[0])
            if needle_kind == "text":
                return _TEXT_TESTS[node.name].format(base, needle), "boolean"
        raise _General


def _is_number(kind: Kind) -> bool:
    return kind in ("integer", "number")


def _float(source: str, kind: Kind) -> str:
    return f"float({source})" if kind == "integer" else source


def _item_field(node: Node) -> str:
    """``amount`` of ``item.amount`` and ``item["amount"]``."""
    if (
        isinstance(node, Member)
        and isinstance(node.base, Name)
        and node.base.name == "item"
        and isinstance(node.key, Literal)
        and isinstance(node.key.value, str)
    ):
        return node.key.value
    raise _General


def _fields_read(node: Any, found: set[str]) -> None:
    """Every field of ``item`` in a tree; other roots are for the general way."""
    if isinstance(node, Member):
        found.add(_item_field(node))
    elif isinstance(node, Name):
        if node.name != "index":
            raise _General
    elif isinstance(node, (Unary, Binary, Choice, Call)):
        for part in _parts(node):
            _fields_read(part, found)
    elif not isinstance(node, Literal):
        raise _General


def _parts(node: Unary | Binary | Choice | Call) -> tuple[Node, ...]:
    if isinstance(node, Unary):
        return (node.value,)
    if isinstance(node, Binary):
        return (node.left, node.right)
    if isinstance(node, Choice):
        return (node.test, node.then, node.otherwise)
    return (*((node.base,) if node.base is not None else ()), *node.args)


@lru_cache(maxsize=1024)
def _tree(source: str) -> tuple[Node, tuple[str, ...]] | None:
    """The tree of a text that is one simple expression and nothing else, and the fields it reads."""
    if not source.startswith("{{") or source.count("{{") > 1:
        return None
    try:
        found, end = tokens(source, 2, closing="}}")
        if end != len(source):
            return None
        node = parse_tokens(found, source)
        names: set[str] = set()
        _fields_read(node, names)
    except (ExpressionError, _General):
        return None
    return node, tuple(sorted(names))


Program: TypeAlias = Callable[[Table, int], list[Any]]


@lru_cache(maxsize=1024)
def _program(source: str, kinds: tuple[tuple[str, Kind], ...]) -> Program | None:
    """The comprehension for columns of these kinds, or None where the general way is needed."""
    found = _tree(source)
    assert found is not None, "asked only for sources that have a tree"
    node = found[0]
    code = _Code(dict(kinds))
    try:
        body, kind = code.of(node)
    except _General:
        return None
    if isinstance(node, Member) or not (code.columns or code.uses_index):
        # A plain field is the column itself; a constant is as quick the general way.
        return _plain(node) if isinstance(node, Member) else None
    if kind == "number":
        body = f"(int(v) if (v := {body}).is_integer() and -{_EXACT} < v < {_EXACT} else v)"
    names = list(code.columns.values())
    targets, iterated = ", ".join(names), ", ".join(f"{name}s" for name in names)
    if len(names) > 1:
        iterated = f"zip({iterated})"
    if code.uses_index:
        if names:
            targets, iterated = (
                f"i, ({targets},)" if len(names) > 1 else f"i, {targets}",
                f"enumerate({iterated}, start)",
            )
        else:
            targets, iterated = "i", "range(start, start + count)"
    arguments = ", ".join(["start", "count", *(f"{name}s" for name in names), *code.constants])
    text = f"def program({arguments}):\n return [{body} for {targets} in {iterated}]"
    space: dict[str, Any] = {
        "__builtins__": {},
        "zip": zip,
        "enumerate": enumerate,
        "range": range,
        "int": int,
        "float": float,
    }
    # Only names made above, operators and the functions just listed: no text of the author's.
    exec(compile(text, "<expression>", "exec"), space)  # noqa: S102
    return _bound(space["program"], list(code.columns), list(code.constants.values()), kind == "number")


def _plain(node: Member) -> Program:
    name = _item_field(node)
    return lambda table, start: list(table.column(name) or ())


def _bound(work: Callable[..., list[Any]], columns: list[str], constants: list[Any], checks: bool) -> Program:
    def program(table: Table, start: int) -> list[Any]:
        found = work(start, len(table), *[table.column(name) for name in columns], *constants)
        if checks and not math.isfinite(sum(found)):
            raise _General  # NaN and Infinity leave as null, which the general way sees to
        return found

    return program


def kind_of_column(values: Sequence[Any]) -> Kind | None:
    """The one kind of all values of a column, or None when they differ or are something else."""
    types = set(map(type, values))
    if len(types) == 1:
        return _KINDS.get(types.pop())
    return None


def over_columns(source: str, table: Table, start: int) -> list[Any] | None:
    """The values of ``source`` for each row, or None where only the general way will do."""
    found = _tree(source)
    if found is None:
        return None
    kinds: list[tuple[str, Kind]] = []
    for name in found[1]:
        column = table.column(name)
        kind = kind_of_column(column) if column is not None else None
        if kind is None:
            return None
        kinds.append((name, kind))
    program = _program(source, tuple(kinds))
    try:
        return program(table, start) if program is not None else None
    except (_General, OverflowError):
        return None


class Each:
    """A value with expressions inside (a text, or a list or object of such), for many items.

    ``scope`` holds the run's values; it is copied, never changed.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    def values(self, scope: Mapping[str, Any], items: Sequence[Any], start: int = 0) -> list[Any]:
        """The value for each item. Raises ExpressionError; its fact ``item`` is the item's index."""
        value = self._value
        if isinstance(value, str):
            return _texts(value, scope, items, start)
        if isinstance(value, dict) and value:
            columns = self.columns(scope, items, start) or {}
            names = tuple(columns)
            return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        if isinstance(value, list) and value:
            parts = [Each(part).values(scope, items, start) for part in value]
            return [list(row) for row in zip(*parts, strict=True)]
        return [value] * len(items)

    def columns(
        self, scope: Mapping[str, Any], items: Sequence[Any], start: int = 0
    ) -> dict[str, list[Any]] | None:
        """For an object: each of its keys over all items. None for other values."""
        if not isinstance(self._value, dict):
            return None
        return {name: Each(part).values(scope, items, start) for name, part in self._value.items()}


def _texts(source: str, scope: Mapping[str, Any], items: Sequence[Any], start: int) -> list[Any]:
    if "{{" not in source:
        return [source] * len(items)
    if callable(getattr(items, "column", None)):
        table: Any = items
        found = over_columns(source, table, start)
        if found is not None:
            return found
    return compile_template(source).evaluate_each(dict(scope), items, start)
