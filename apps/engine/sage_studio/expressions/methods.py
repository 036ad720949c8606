"""The functions texts, lists, numbers and objects have in an expression, and nothing else has.

Each takes the value it is called on, its arguments and a ``Use`` (budget, place, name). None of them
changes a value: ``reverse`` and ``sort`` answer new lists.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, TypeAlias

from sage_studio.expressions import extras
from sage_studio.expressions.budget import Budget
from sage_studio.expressions.errors import BAD_VALUE, UNKNOWN_METHOD, UNSUPPORTED, fault, suggestion
from sage_studio.expressions.operators import (
    Value,
    kind_of,
    leaving,
    number_text,
    strict_equal,
    tidy,
    to_number,
    to_text,
    truthy,
    wrong_kind,
)

Function: TypeAlias = Callable[..., Value]
"""A callback: an arrow of the expression, or ``Boolean``, ``Number``, ``String``."""


class Callback:
    """A function of the expression itself. Only these are ever called: a callable that a host may
    have left among the values is none."""

    __slots__ = ("call",)

    def __init__(self, call: Function) -> None:
        self.call = call


class Use:
    """One call: what it may cost, where it stands, what it is called."""

    __slots__ = ("at", "budget", "name")

    def __init__(self, budget: Budget, at: int, name: str) -> None:
        self.budget = budget
        self.at = at
        self.name = name

    def bad(self, reason: str, reason_zh: str) -> Exception:
        return fault(BAD_VALUE, self.at, name=self.name, reason=reason, reason_zh=reason_zh)


Method: TypeAlias = Callable[[Any, Sequence[Value], Use], Value]


def _text_arg(args: Sequence[Value], index: int, use: Use, default: str | None = None) -> str:
    if index >= len(args):
        if default is None:
            raise use.bad("an argument is missing", "缺少参数")
        return default
    if type(args[index]) is Callback:
        raise use.bad("a function was given where a text belongs", "此处应为文本而不是函数")
    return to_text(args[index])


def _int_arg(args: Sequence[Value], index: int, use: Use, default: int) -> int:
    if index >= len(args) or args[index] is None:
        return default
    given = args[index]
    number = given if type(given) is int else to_number(given, use.name, use.at)
    if math.isnan(number):
        return 0
    return int(max(-(2**53), min(2**53, number)))


def _function_arg(args: Sequence[Value], use: Use) -> Function:
    if not args or type(args[0]) is not Callback:
        raise use.bad("it needs a function such as x => x.text", "需要一个函数，例如 x => x.text")
    callback: Callback = args[0]
    return callback.call


def _bounds(args: Sequence[Value], length: int, use: Use) -> tuple[int, int]:
    """Start and end of a slice, negative ones from the end."""
    start, end = _int_arg(args, 0, use, 0), _int_arg(args, 1, use, length)
    start = max(length + start, 0) if start < 0 else min(start, length)
    end = max(length + end, 0) if end < 0 else min(end, length)
    return start, max(start, end)


# ------------------------------------------------------------------------------------------- texts


def _slice_text(value: str, args: Sequence[Value], use: Use) -> str:
    start, end = _bounds(args, len(value), use)
    return value[start:end]


def _substring(value: str, args: Sequence[Value], use: Use) -> str:
    start = min(max(_int_arg(args, 0, use, 0), 0), len(value))
    end = min(max(_int_arg(args, 1, use, len(value)), 0), len(value))
    return value[min(start, end) : max(start, end)]


def _split(value: str, args: Sequence[Value], use: Use) -> list[str]:
    if not args:
        return [value]
    separator = _text_arg(args, 0, use)
    use.budget.spend(len(value) if separator == "" else value.count(separator) + 1, use.at)
    parts = list(value) if separator == "" else value.split(separator)
    return parts[: max(_int_arg(args, 1, use, len(parts)), 0)]


def _replaced(value: str, args: Sequence[Value], use: Use, count: int) -> str:
    old = _text_arg(args, 0, use)
    new = _text_arg(args, 1, use)
    times = value.count(old) if count < 0 else min(1, value.count(old))
    use.budget.text(len(value) + times * max(len(new) - len(old), 0), use.at)
    return value.replace(old, new, count)


def _pad(value: str, args: Sequence[Value], use: Use) -> str:
    """The filling that brings ``value`` to the length asked for."""
    missing = _int_arg(args, 0, use, 0) - len(value)
    filling = _text_arg(args, 1, use, " ")
    if missing <= 0 or not filling:
        return ""
    use.budget.text(missing + len(value), use.at)
    return (filling * (missing // len(filling) + 1))[:missing]


def _repeat(value: str, args: Sequence[Value], use: Use) -> str:
    times = _int_arg(args, 0, use, 0)
    if times < 0:
        raise use.bad("the count is below zero", "次数不能小于零")
    use.budget.text(len(value) * times, use.at)
    return value * times


def _concat_text(value: str, args: Sequence[Value], use: Use) -> str:
    parts = [value, *(to_text(arg) for arg in args)]
    use.budget.text(sum(map(len, parts)), use.at)
    return "".join(parts)


def _position(value: Sequence[Any], args: Sequence[Value], use: Use) -> Value:
    index = _int_arg(args, 0, use, 0)
    index = index + len(value) if index < 0 else index
    return value[index] if 0 <= index < len(value) else None


def _char_code(value: str, args: Sequence[Value], use: Use) -> Value:
    letter = _position(value, args, use)
    return ord(letter) if letter else None


def _locale_compare(value: str, args: Sequence[Value], use: Use) -> int:
    other = _text_arg(args, 0, use)
    mine, theirs = (value.casefold(), value), (other.casefold(), other)
    return (mine > theirs) - (mine < theirs)


def _plain_method(work: Callable[[str], str]) -> Method:
    return lambda value, _args, _use: work(value)


PLAIN_TEXT: Mapping[str, Callable[[str], str]] = {
    "toUpperCase": str.upper,
    "toLowerCase": str.lower,
    "trim": str.strip,
    "trimStart": str.lstrip,
    "trimEnd": str.rstrip,
}
"""Those that need neither arguments nor budget; the compiler calls them straight."""

TEXT: Mapping[str, Method] = {
    **{name: _plain_method(work) for name, work in PLAIN_TEXT.items()},
    "includes": lambda value, args, use: _text_arg(args, 0, use) in value,
    "startsWith": lambda value, args, use: value.startswith(_text_arg(args, 0, use)),
    "endsWith": lambda value, args, use: value.endswith(_text_arg(args, 0, use)),
    "indexOf": lambda value, args, use: value.find(_text_arg(args, 0, use)),
    "lastIndexOf": lambda value, args, use: value.rfind(_text_arg(args, 0, use)),
    "slice": _slice_text,
    "substring": _substring,
    "split": _split,
    "replace": lambda value, args, use: _replaced(value, args, use, 1),
    "replaceAll": lambda value, args, use: _replaced(value, args, use, -1),
    "padStart": lambda value, args, use: _pad(value, args, use) + value,
    "padEnd": lambda value, args, use: value + _pad(value, args, use),
    "repeat": _repeat,
    "concat": _concat_text,
    "charAt": lambda value, args, use: _position(value, [max(_int_arg(args, 0, use, 0), 0)], use) or "",
    "charCodeAt": _char_code,
    "at": _position,
    "localeCompare": _locale_compare,
    "toString": lambda value, _args, _use: value,
    **extras.TEXT,
}

# ------------------------------------------------------------------------------------------- lists


def _map(value: Sequence[Value], args: Sequence[Value], use: Use) -> list[Value]:
    function = _function_arg(args, use)
    use.budget.spend(len(value), use.at)
    return [leaving(function(item, index, value)) for index, item in enumerate(value)]


def _filter(value: Sequence[Value], args: Sequence[Value], use: Use) -> list[Value]:
    function = _function_arg(args, use)
    use.budget.spend(len(value), use.at)
    return [item for index, item in enumerate(value) if truthy(function(item, index, value))]


def _every(value: Sequence[Value], args: Sequence[Value], use: Use) -> bool:
    function = _function_arg(args, use)
    use.budget.spend(len(value), use.at)
    return all(truthy(function(item, index, value)) for index, item in enumerate(value))


def _first(value: Sequence[Value], args: Sequence[Value], use: Use, *, backwards: bool = False) -> int:
    """Index of the first item the callback is true for, else -1."""
    function = _function_arg(args, use)
    indexes = range(len(value) - 1, -1, -1) if backwards else range(len(value))
    for index in indexes:
        if truthy(function(value[index], index, value)):
            return index
    return -1


def _found(value: Sequence[Value], index: int) -> Value:
    return value[index] if index >= 0 else None


def _reduce(value: Sequence[Value], args: Sequence[Value], use: Use) -> Value:
    function = _function_arg(args, use)
    items = list(enumerate(value))
    if len(args) > 1:
        result = args[1]
    elif items:
        result = items.pop(0)[1]
    else:
        raise use.bad("the list is empty and no first value is given", "列表为空且没有给出初始值")
    for index, item in items:
        result = function(result, item, index, value)
    return result


def _join(value: Sequence[Value], args: Sequence[Value], use: Use) -> str:
    separator = _text_arg(args, 0, use, ",")
    parts = [to_text(item, empty="") for item in value]
    use.budget.text(sum(map(len, parts)) + len(separator) * len(parts), use.at)
    return separator.join(parts)


def _slice_list(value: Sequence[Value], args: Sequence[Value], use: Use) -> list[Value]:
    start, end = _bounds(args, len(value), use)
    use.budget.spend(end - start, use.at)
    return list(value[start:end])


def _index_of(value: Sequence[Value], args: Sequence[Value], use: Use) -> int:
    wanted = args[0] if args else None
    use.budget.spend(len(value), use.at)
    return next((index for index, item in enumerate(value) if strict_equal(item, wanted)), -1)


def _concat_list(value: Sequence[Value], args: Sequence[Value], use: Use) -> list[Value]:
    result = list(value)
    for arg in args:
        result.extend(arg if isinstance(arg, list | tuple) else [arg])
    use.budget.spend(len(result), use.at)
    return result


def _flat(value: Sequence[Value], use: Use, depth: int) -> list[Value]:
    result: list[Value] = []
    for item in value:
        if isinstance(item, list | tuple) and depth > 0:
            result.extend(_flat(item, use, depth - 1))
        else:
            result.append(item)
    use.budget.spend(len(result), use.at)
    return result


def _sorted(value: Sequence[Value], args: Sequence[Value], use: Use) -> list[Value]:
    use.budget.spend(len(value) * max(len(value).bit_length(), 1), use.at)
    if not args:
        # JavaScript sorts by text unless told otherwise; empty values come last.
        return sorted(value, key=lambda item: (item is None, to_text(item)))
    function = _function_arg(args, use)

    def compare(left: Value, right: Value) -> int:
        order = to_number(function(left, right), use.name, use.at)
        return (order > 0) - (order < 0)

    return sorted(value, key=functools.cmp_to_key(compare))


def _reversed(value: Sequence[Value], _args: Sequence[Value], use: Use) -> list[Value]:
    use.budget.spend(len(value), use.at)
    return list(reversed(value))


LIST: Mapping[str, Method] = {
    "map": _map,
    "filter": _filter,
    "find": lambda value, args, use: _found(value, _first(value, args, use)),
    "findIndex": _first,
    "findLast": lambda value, args, use: _found(value, _first(value, args, use, backwards=True)),
    "findLastIndex": lambda value, args, use: _first(value, args, use, backwards=True),
    "some": lambda value, args, use: _first(value, args, use) >= 0,
    "every": _every,
    "flatMap": lambda value, args, use: _flat(_map(value, args, use), use, 1),
    "reduce": _reduce,
    "join": _join,
    "slice": _slice_list,
    "includes": lambda value, args, use: _index_of(value, args, use) >= 0,
    "indexOf": _index_of,
    "concat": _concat_list,
    "flat": lambda value, args, use: _flat(value, use, min(_int_arg(args, 0, use, 1), 50)),
    "reverse": _reversed,
    "toReversed": _reversed,
    "sort": _sorted,
    "toSorted": _sorted,
    "at": _position,
    "toString": lambda value, _args, use: _join(value, (), use),
    **extras.LIST,
}

# ------------------------------------------------------------------------------- numbers and others


def _to_fixed(value: float, args: Sequence[Value], use: Use) -> str:
    digits = _int_arg(args, 0, use, 0)
    if not 0 <= digits <= 100:
        raise use.bad("digits are 0 to 100", "小数位数应为 0 到 100")
    if not math.isfinite(value) or abs(value) >= 1e21:
        return number_text(value)
    return f"{_rounded(value, -digits):f}"


def _rounded(value: float, place: int) -> Decimal:
    """JavaScript rounds halves away from zero, on the exact binary value."""
    return Decimal(value).quantize(Decimal(1).scaleb(place), ROUND_HALF_UP, _EXACT)


_EXACT = Context(prec=1_100)


def _to_precision(value: float, args: Sequence[Value], use: Use) -> str:
    digits = _int_arg(args, 0, use, 0)
    if not args or not math.isfinite(value):
        return number_text(value)
    if not 1 <= digits <= 100:
        raise use.bad("digits are 1 to 100", "有效位数应为 1 到 100")
    exact = Decimal(value)
    return number_text(tidy(float(_rounded(value, exact.adjusted() + 1 - digits)) if exact else 0.0))


NUMBER: Mapping[str, Method] = {
    "toFixed": _to_fixed,
    "toPrecision": _to_precision,
    "toString": lambda value, _args, _use: number_text(value),
    **extras.NUMBER,
}

BOOLEAN: Mapping[str, Method] = {"toString": lambda value, _args, _use: to_text(value)}

OBJECT: Mapping[str, Method] = {
    "hasOwnProperty": lambda value, args, use: _text_arg(args, 0, use) in value,
    **extras.OBJECT,
}

_TABLES: Mapping[str, tuple[Mapping[str, Method], str, str]] = {
    "string": (TEXT, "A text", "文本"), "array": (LIST, "A list", "列表"),
    "number": (NUMBER, "A number", "数字"), "boolean": (BOOLEAN, "A boolean", "布尔值"),
    "object": (OBJECT, "An object", "对象"),
}  # fmt: skip
BY_TYPE: Mapping[type, Mapping[str, Method]] = {
    str: TEXT,
    list: LIST,
    tuple: LIST,
    int: NUMBER,
    float: NUMBER,
    bool: BOOLEAN,
    dict: OBJECT,
}
"""The same tables by Python type, for call sites that look their function up once."""

_CHANGING = {
    "push": "[...list, item]", "pop": "list.slice(0, -1)", "shift": "list.slice(1)",
    "unshift": "[item, ...list]", "splice": "list.slice()", "forEach": "list.map()",
}  # fmt: skip


def method_of(value: Value, use: Use) -> Method:
    """The function ``use.name`` of ``value``. Raises ExpressionError when it has none."""
    kind = kind_of(value)
    if kind not in _TABLES:
        raise wrong_kind(use.name, "object", value, use.at)
    table, shown, shown_zh = _TABLES[kind]
    method = table.get(use.name)
    if method is not None:
        return method
    if use.name in _CHANGING:
        instead = _CHANGING[use.name]
        what, what_zh = (
            f"“{use.name}” changes a value; write {instead} instead. It",
            f"会修改值的 “{use.name}”（请改用 {instead}）",
        )
        raise fault(UNSUPPORTED, use.at, what=what, what_zh=what_zh)
    raise fault(
        UNKNOWN_METHOD, use.at, kind=shown, kind_zh=shown_zh, name=use.name, **suggestion(use.name, table)
    )
