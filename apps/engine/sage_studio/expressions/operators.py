"""What operators do with JSON values: JavaScript's rules where they make sense for data.

Differences, on purpose: ``null`` stands for undefined as well; a list or object becomes JSON when it
meets a text; texts count code points; results JSON cannot say (NaN, Infinity) become null when they
leave the expression.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sage_studio.expressions.budget import CURRENT, Budget
from sage_studio.expressions.errors import WRONG_KIND, ExpressionError, fault

Value: TypeAlias = Any
"""A JSON value of the scope. Anything else a host may have put there can be handed on, not opened."""

_MAX_SAFE = 2**53
NUMBERS = frozenset({int, float})
"""The exact types of numbers; bool is a subclass of int and no number here."""

_NUMERIC = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_KINDS = {
    "string": ("a text", "文本"), "number": ("a number", "数字"), "boolean": ("true or false", "布尔值"),
    "null": ("nothing", "空值"), "array": ("a list", "列表"), "object": ("an object", "对象"),
    "other": ("something that is no JSON", "非 JSON 值"),
}  # fmt: skip


def kind_of(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list | tuple):
        return "array"
    return "object" if isinstance(value, Mapping) else "other"


def wrong_kind(name: str, expected: str, value: Value, at: int) -> ExpressionError:
    """``name`` was used with a value of another kind than ``expected`` (a kind)."""
    wanted, found = _KINDS[expected], _KINDS[kind_of(value)]
    return fault(
        WRONG_KIND,
        at,
        name=name,
        expected=wanted[0],
        expected_zh=wanted[1],
        found=found[0],
        found_zh=found[1],
    )


def tidy(number: float) -> float:
    """JavaScript has one kind of number: whole values are integers here, as long as they are exact."""
    if isinstance(number, int):
        return number if -_MAX_SAFE < number < _MAX_SAFE else _as_float(number)
    if number.is_integer() and -_MAX_SAFE < number < _MAX_SAFE:
        return int(number)
    return number


def _as_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def leaving(value: Value) -> Value:
    """A value as it leaves an expression or enters a list or an object: no NaN, no Infinity."""
    return None if type(value) is float and not math.isfinite(value) else value


def truthy(value: Value) -> bool:
    """Everything but null, false, 0, NaN and the empty text; empty lists and objects are true."""
    if value is True:
        return True
    if value is None or value is False or value == "":
        return False
    if isinstance(value, int | float):
        return bool(value) and value == value  # noqa: PLR0124 - NaN is the number that differs from itself
    return True


def to_number(value: Value, name: str, at: int) -> float:
    """JavaScript's Number(): texts are read, the empty text is 0, what is no number is NaN."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if value is None:
        return 0
    if isinstance(value, str):
        return _read_number(value.strip())
    raise wrong_kind(name, "number", value, at)


def _read_number(text: str) -> float:
    if not text:
        return 0
    if _NUMERIC.fullmatch(text) and len(text) <= 400:
        return tidy(float(text))
    if text in ("Infinity", "+Infinity", "-Infinity"):
        return float(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,16}", text):
        return tidy(int(text, 16))
    return math.nan


def to_text(value: Value, *, empty: str = "null") -> str:
    """``value`` in a text; ``empty`` is what null becomes. Lists and objects become JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return empty
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return to_json(value)


def to_json(value: Value, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(
        _jsonable(value, CURRENT.get()), ensure_ascii=False, indent=indent, separators=separators
    )


def _jsonable(value: Value, budget: Budget) -> Value:
    """Tuples and read-only mappings as lists and dicts; what is no JSON as null."""
    if isinstance(value, str):
        budget.text(len(value))
        return value
    if isinstance(value, dict):
        budget.values(len(value))
        return {str(key): _jsonable(item, budget) for key, item in value.items()}
    if isinstance(value, list | tuple):
        budget.values(len(value))
        return [_jsonable(item, budget) for item in value]
    if isinstance(value, Mapping):
        return _jsonable(dict(value), budget)
    if value is None or isinstance(value, bool | int | float):
        return leaving(value)
    return None


def number_text(value: float) -> str:
    """A number as JavaScript writes it (ECMA-262, Number::toString)."""
    value = tidy(value)
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    return _with_exponent(mantissa.removesuffix(".0"), int(exponent))


def _with_exponent(mantissa: str, power: int) -> str:
    sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    whole, _, fraction = digits.partition(".")
    if 0 <= power <= 20:
        return f"{sign}{whole}{fraction}{'0' * (power - len(fraction))}"
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{whole}{fraction}"
    return f"{sign}{digits}e{'+' if power > 0 else '-'}{abs(power)}"


def strict_equal(left: Value, right: Value) -> bool:
    """``===``: same kind and same value; lists and objects are equal only to themselves."""
    if type(left) is str and type(right) is str:
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    return left is right


def loose_equal(left: Value, right: Value) -> bool:
    """``==``: numbers, texts and booleans meet as numbers; null equals only null."""
    if left is None or right is None:
        return left is right
    mine, theirs = kind_of(left), kind_of(right)
    scalars = ("string", "number", "boolean")
    if mine != theirs and mine in scalars and theirs in scalars:
        return to_number(left, "==", 0) == to_number(right, "==", 0)
    return strict_equal(left, right)


def add(left: Value, right: Value, budget: Budget, at: int) -> Value:
    """``+``: joins when either side is a text, list or object, else adds."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return tidy(left + right)
    if type(left) is str and type(right) is str:
        budget.text(len(left) + len(right), at)
        return left + right
    joins = isinstance(left, str | list | tuple | Mapping) or isinstance(right, str | list | tuple | Mapping)
    if not joins:
        return tidy(to_number(left, "+", at) + to_number(right, "+", at))
    first, second = to_text(left), to_text(right)
    budget.text(len(first) + len(second), at)
    return first + second


def _divide(left: float, right: float) -> float:
    if right == 0:
        return (
            math.nan
            if left == 0 or math.isnan(left)
            else math.copysign(math.inf, left) * math.copysign(1, right)
        )
    return left / right


def _remainder(left: float, right: float) -> float:
    if right == 0 or not math.isfinite(left):
        return math.nan
    return math.fmod(left, right)


def _power(left: float, right: float) -> float:
    try:
        result = math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan
    return result


def _arithmetic(name: str, work: Callable[[float, float], float]) -> Callable[[Value, Value, int], Value]:
    def operate(left: Value, right: Value, at: int) -> Value:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            return tidy(work(left, right))
        return tidy(work(to_number(left, name, at), to_number(right, name, at)))

    return operate


ARITHMETIC: Mapping[str, Callable[[Value, Value, int], Value]] = {
    "-": _arithmetic("-", operator.sub),
    "*": _arithmetic("*", operator.mul),
    "/": _arithmetic("/", _divide),
    "%": _arithmetic("%", _remainder),
    "**": _arithmetic("**", _power),
}


def _comparison(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value, int], bool]:
    def operate(left: Value, right: Value, at: int) -> bool:
        mine, theirs = type(left), type(right)
        if (mine in NUMBERS and theirs in NUMBERS) or (mine is str and theirs is str):
            return compare(left, right)
        return compare(to_number(left, name, at), to_number(right, name, at))

    return operate


COMPARISON: Mapping[str, Callable[[Value, Value, int], bool]] = {
    "<": _comparison("<", operator.lt),
    ">": _comparison(">", operator.gt),
    "<=": _comparison("<=", operator.le),
    ">=": _comparison(">=", operator.ge),
}


def contains_key(key: Value, container: Value, at: int) -> bool:
    """``in``: whether an object has a key or a list an index."""
    if isinstance(container, Mapping):
        return to_text(key) in container
    if isinstance(container, list | tuple):
        index = to_number(key, "in", at)
        return isinstance(index, int) and 0 <= index < len(container)
    raise wrong_kind("in", "object", container, at)


def type_name(value: Value) -> str:
    """``typeof``; null answers "undefined", because here it stands for both."""
    kind = kind_of(value)
    return {"null": "undefined", "array": "object", "other": "object"}.get(kind, kind)


def read(base: Value, key: Value) -> Value:
    """``base[key]`` for a base that is not null; what is not there is null.

    Only keys of JSON objects, indexes and ``length`` are readable: no attribute of a host object.
    """
    if isinstance(base, Mapping):
        return base.get(key if isinstance(key, str) else to_text(key))
    if isinstance(base, str | list | tuple):
        if key == "length" and isinstance(key, str):
            return len(base)
        index = _index(key)
        return base[index] if index is not None and 0 <= index < len(base) else None
    return None


def _index(key: Value) -> int | None:
    if isinstance(key, bool):
        return None
    if isinstance(key, int):
        return key
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 16:
        return int(key)
    return int(key) if isinstance(key, float) and key.is_integer() else None
