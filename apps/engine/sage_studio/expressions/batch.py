"""One expression over many items at once.

The general way evaluates item by item with one budget. Where items come as columns and an
expression only reads fields of ``item``, calculates, compares and joins, it becomes a chain of plain
operations on those columns, chosen by the kinds of values that are really in them; its results are
those of the general way, which takes over wherever that cannot be promised. No code is generated.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
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
Operation: TypeAlias = Callable[..., Any]
_EXACT = 2**53
_KINDS: Mapping[type, Kind] = {int: "integer", float: "number", str: "text", bool: "boolean"}
_ARITHMETIC: Mapping[str, Operation] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip
_COMPARISON: Mapping[str, Operation] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_EQUAL: Mapping[str, Operation] = {
    "===": operator.eq, "==": operator.eq, "!==": operator.ne, "!=": operator.ne,
}  # fmt: skip
_LOGIC: Mapping[str, Operation] = {"&&": operator.and_, "||": operator.or_}
_TEXT_TESTS: Mapping[str, Operation] = {
    "startsWith": str.startswith, "endsWith": str.endswith, "includes": operator.contains,
}  # fmt: skip
_MOST_JOINS = 16


class Table(Protocol):
    """Items kept as columns (``sdk.Rows``)."""

    def __len__(self) -> int: ...

    def column(self, name: str, /) -> Sequence[Any] | None: ...

    def select(self, chosen: Sequence[bool], /) -> Any: ...


class _General(Exception):
    """This expression, or this chunk, is for the general way."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What a chain of operations runs over: columns by name, the index of the first item, how many."""

    columns: Mapping[str, Columns]
    start: int
    count: int


Stream: TypeAlias = Callable[[_Frame], Iterable[Any]]


class _Chain:
    """Turns a tree into operations on whole columns, one lazy ``map`` per operator: nothing of the
    author's text becomes code. Each method answers the values and their kind."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self._joins = 0
        self.reads_items = False

    def of(self, node: Node) -> tuple[Stream, Kind]:
        if isinstance(node, Literal):
            kind = _KINDS.get(type(node.value))
            if kind is None:
                raise _General
            value = node.value
            return lambda frame: repeat(value), kind
        if isinstance(node, Name) and node.name == "index":
            self.reads_items = True
            return lambda frame: range(frame.start, frame.start + frame.count), "integer"
        if isinstance(node, Member):
            return self._column(_item_field(node))
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Choice):
            return self._choice(node)
        if isinstance(node, Call):
            return self._call(node)
        raise _General

    def _column(self, name: str) -> tuple[Stream, Kind]:
        if name not in self._kinds:
            raise _General
        self.reads_items = True
        return lambda frame: frame.columns[name], self._kinds[name]

    def _unary(self, node: Unary) -> tuple[Stream, Kind]:
        value, kind = self.of(node.value)
        if node.op == "!" and kind == "boolean":
            return _each(operator.not_, value), "boolean"
        if node.op == "-" and kind == "number":
            return _each(operator.neg, value), "number"
        raise _General

    def _binary(self, node: Binary) -> tuple[Stream, Kind]:
        (left, mine), (right, theirs) = self.of(node.left), self.of(node.right)
        op, are_numbers = node.op, _is_number(mine) and _is_number(theirs)
        if op in _LOGIC and mine == theirs == "boolean":
            return _each(_LOGIC[op], left, right), "boolean"
        if op in _COMPARISON and (are_numbers or mine == theirs == "text"):
            return _each(_COMPARISON[op], left, right), "boolean"
        if op in _EQUAL and (are_numbers or mine == theirs):
            return _each(_EQUAL[op], left, right), "boolean"
        if op == "+" and mine == theirs == "text":
            self._joins += 1
            if self._joins > _MOST_JOINS:
                raise _General  # which watches how long a text becomes
            return _each(operator.add, left, right), "text"
        if op in _ARITHMETIC and are_numbers:
            if op == "/" and not (isinstance(node.right, Literal) and node.right.value):
                raise _General  # dividing by what may be 0
            # JavaScript counts in floats: so does every step here, and the last one tidies.
            return _each(_ARITHMETIC[op], _float(left, mine), _float(right, theirs)), "number"
        raise _General

    def _choice(self, node: Choice) -> tuple[Stream, Kind]:
        test, kind = self.of(node.test)
        (then, mine), (otherwise, theirs) = self.of(node.then), self.of(node.otherwise)
        if kind != "boolean" or mine != theirs or mine == "number":
            raise _General
        return _each(_chosen, test, then, otherwise), mine

    def _call(self, node: Call) -> tuple[Stream, Kind]:
        if node.base is None:
            raise _General
        base, kind = self.of(node.base)
        if kind != "text":
            raise _General
        if node.name in PLAIN_TEXT and not node.args:
            return _each(PLAIN_TEXT[node.name], base), "text"
        if node.name in _TEXT_TESTS and len(node.args) == 1:
            needle, needle_kind = self.of(node.args[0])
            if needle_kind == "text":
                return _each(_TEXT_TESTS[node.name], base, needle), "boolean"
        raise _General


def _each(function: Callable[..., Any], *streams: Stream) -> Stream:
    return lambda frame: map(function, *[stream(frame) for stream in streams])


def _chosen(test: bool, then: Any, otherwise: Any) -> Any:
    return then if test else otherwise


def _tidied(values: list[float]) -> list[float]:
    """Whole numbers as integers, where they are exact."""
    if not any(map(float.is_integer, values)):
        return values
    return [int(value) if value.is_integer() and -_EXACT < value < _EXACT else value for value in values]


def _is_number(kind: Kind) -> bool:
    return kind in ("integer", "number")


def _float(values: Stream, kind: Kind) -> Stream:
    return _each(float, values) if kind == "integer" else values


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
    """The operations for columns of these kinds, or None where the general way is needed."""
    found = _tree(source)
    assert found is not None, "asked only for sources that have a tree"
    try:
        values, kind, reads_items = _chained(found[0], kinds)
    except _General:
        return None
    if not reads_items:
        return None  # a constant is as quick the general way
    # A field alone is its column as it is; what was calculated is tidied.
    is_number = kind == "number" and not isinstance(found[0], Member)
    names = tuple(name for name, _kind in kinds)
    return _over(names, values, is_calculated=is_number)


def _chained(node: Node, kinds: tuple[tuple[str, Kind], ...]) -> tuple[Stream, Kind, bool]:
    chain = _Chain(dict(kinds))
    return *chain.of(node), chain.reads_items


def _over(names: tuple[str, ...], values: Stream, *, is_calculated: bool) -> Program:
    def program(table: Table, start: int) -> list[Any]:
        columns = {name: table.column(name) or () for name in names}
        found = list(values(_Frame(columns, start, len(table))))
        if not is_calculated:
            return found
        if not math.isfinite(sum(found)):
            raise _General  # NaN and Infinity leave as null, which the general way sees to
        return _tidied(found)

    return program


def kind_of_column(values: Sequence[Any]) -> Kind | None:
    """The one kind of all values of a column, or None when they differ or are something else."""
    types = set(map(type, values))
    if len(types) == 1:
        return _KINDS.get(types.pop())
    return None


def _kinds_in(table: Table, names: Sequence[str]) -> tuple[tuple[str, Kind], ...]:
    kinds: list[tuple[str, Kind]] = []
    for name in names:
        column = table.column(name)
        kind = kind_of_column(column) if column is not None else None
        if kind is None:
            raise _General
        kinds.append((name, kind))
    return tuple(kinds)


def over_columns(source: str, table: Table, start: int) -> list[Any] | None:
    """The values of ``source`` for each row, or None where only the general way will do."""
    found = _tree(source)
    if found is None:
        return None
    try:
        program = _program(source, _kinds_in(table, found[1]))
        return program(table, start) if program is not None else None
    except (_General, OverflowError):
        return None


@lru_cache(maxsize=1024)
def _conditions(source: str) -> tuple[tuple[Node, tuple[str, ...]], ...] | None:
    """``a && b && c`` as its parts, each with the fields it reads. None where there is no tree, or a part
    but the first reads ``index``, which counts rows that are gone by then."""
    found = _tree(source)
    if found is None:
        return None
    nodes: list[Node] = []
    left = found[0]
    while isinstance(left, Binary) and left.op == "&&":
        nodes.append(left.right)
        left = left.left
    nodes.append(left)
    parts = []
    for number, node in enumerate(reversed(nodes)):
        if number and _reads_index(node):
            return None
        names: set[str] = set()
        _fields_read(node, names)
        parts.append((node, tuple(sorted(names))))
    return tuple(parts)


def _reads_index(node: Node) -> bool:
    if isinstance(node, Name):
        return True
    return isinstance(node, (Unary, Binary, Choice, Call)) and any(map(_reads_index, _parts(node)))


@lru_cache(maxsize=1024)
def _condition(source: str, number: int, kinds: tuple[tuple[str, Kind], ...]) -> Program:
    parts = _conditions(source)
    assert parts is not None, "asked only for sources that have parts"
    values, kind, reads_items = _chained(parts[number][0], kinds)
    if kind != "boolean" or not reads_items:
        raise _General
    return _over(tuple(name for name, _kind in kinds), values, is_calculated=False)


def chosen_rows(source: str, table: Table, start: int) -> tuple[Any, list[list[bool]]] | None:
    """The rows that meet a condition, and for each of its parts (joined by ``&&``) which of the rows left by
    the parts before meet it: like the general way, a part looks only at those. None where only the
    general way will do."""
    parts = _conditions(source)
    if parts is None:
        return None
    left, masks = table, []
    try:
        for number, (_node, names) in enumerate(parts):
            if not len(left):
                break
            mask = _condition(source, number, _kinds_in(left, names))(left, start)
            masks.append(mask)
            left = left.select(mask)
    except (_General, OverflowError):
        return None
    return left, masks


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

    def chosen(self, items: Any, start: int = 0) -> tuple[Any, list[list[bool]]] | None:
        """See ``chosen_rows``; ``items`` are rows kept as columns."""
        return chosen_rows(self._value, items, start) if isinstance(self._value, str) else None

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
