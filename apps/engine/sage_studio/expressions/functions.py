"""The built-in functions of an expression: ``Math``, ``JSON``, ``Object`` and a few more."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import quote, unquote

from sage_studio.expressions import extras
from sage_studio.expressions.methods import Callback, Use
from sage_studio.expressions.operators import (
    Value,
    kind_of,
    leaving,
    tidy,
    to_json,
    to_number,
    to_text,
    truthy,
    wrong_kind,
)

Builtin: TypeAlias = Callable[[Sequence[Value], Use], Value]

_MAX_JSON_DEPTH = 100
_URI_SAFE = "-_.!~*'()"


def _number(args: Sequence[Value], index: int, use: Use) -> float:
    return to_number(args[index], use.name, use.at) if index < len(args) else math.nan


def _one(work: Callable[[float], float]) -> Builtin:
    def function(args: Sequence[Value], use: Use) -> Value:
        number = _number(args, 0, use)
        if not math.isfinite(number):
            return number
        try:
            return tidy(work(number))
        except (ValueError, OverflowError):
            return math.nan

    return function


def _extreme(pick: Callable[[list[float]], float], empty: float) -> Builtin:
    def function(args: Sequence[Value], use: Use) -> Value:
        numbers = [to_number(arg, use.name, use.at) for arg in args]
        if any(math.isnan(number) for number in numbers):
            return math.nan
        return pick(numbers) if numbers else empty

    return function


def _pow(args: Sequence[Value], use: Use) -> Value:
    try:
        return tidy(math.pow(_number(args, 0, use), _number(args, 1, use)))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


MATH: Mapping[str, Builtin] = {
    "abs": _one(abs),
    "ceil": _one(math.ceil),
    "floor": _one(math.floor),
    "round": _one(lambda number: math.floor(number + 0.5)),
    "trunc": _one(math.trunc),
    "sign": _one(lambda number: (number > 0) - (number < 0)),
    "sqrt": _one(math.sqrt),
    "cbrt": _one(math.cbrt),
    "exp": _one(math.exp),
    "log": _one(math.log),
    "log2": _one(math.log2),
    "log10": _one(math.log10),
    "sin": _one(math.sin),
    "cos": _one(math.cos),
    "tan": _one(math.tan),
    "pow": _pow,
    "max": _extreme(max, -math.inf),
    "min": _extreme(min, math.inf),
    "hypot": lambda args, use: tidy(math.hypot(*(to_number(arg, use.name, use.at) for arg in args))),
}


def _parse_json(args: Sequence[Value], use: Use) -> Value:
    text = to_text(args[0]) if args else ""
    use.budget.text(len(text), use.at)
    # Every value but the first follows a comma or a bracket: counted before anything is built.
    use.budget.spend(text.count(",") + text.count("[") + text.count("{"), use.at)
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise use.bad("it is no JSON", "不是有效的 JSON") from error
    _check_depth(value, use, _MAX_JSON_DEPTH)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _check_depth(value: Value, use: Use, left: int) -> None:
    if left < 0:
        raise use.bad("it nests too deep", "嵌套过深")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, use, left - 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, use, left - 1)


def _stringify(args: Sequence[Value], use: Use) -> Value:
    if not args:
        return None
    indent = int(min(max(to_number(args[2], use.name, use.at), 0), 10)) if len(args) > 2 else 0
    text = to_json(args[0], indent or None)
    use.budget.text(len(text), use.at)
    return text


def _object(args: Sequence[Value], use: Use) -> Mapping[str, Value]:
    if not args or kind_of(args[0]) != "object":
        raise wrong_kind(use.name, "object", args[0] if args else None, use.at)
    value: Mapping[str, Value] = args[0]
    use.budget.spend(len(value), use.at)
    return value


def _from_entries(args: Sequence[Value], use: Use) -> Value:
    pairs = args[0] if args else None
    if not isinstance(pairs, list | tuple):
        raise wrong_kind(use.name, "array", pairs, use.at)
    use.budget.spend(len(pairs), use.at)
    result: dict[str, Value] = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or not pair:
            raise use.bad("every entry is a list of a key and a value", "每一项应为 [键, 值] 列表")
        result[to_text(pair[0])] = pair[1] if len(pair) > 1 else None
    return result


def _assign(args: Sequence[Value], use: Use) -> Value:
    result: dict[str, Value] = {}
    for arg in args:
        if arg is not None:
            result.update(_object([arg], use))
    return result


def _parse_number(pattern: str) -> Builtin:
    matcher = re.compile(pattern, re.ASCII)

    def function(args: Sequence[Value], use: Use) -> Value:
        match = matcher.match(to_text(args[0]).strip()[:400]) if args else None
        if len(args) > 1 and to_number(args[1], use.name, use.at) not in (0, 10):
            raise use.bad("only base 10 is read", "仅支持十进制")
        return tidy(float(match.group())) if match else math.nan

    return function


_NOTHING: tuple[Value, ...] = (None, "", [], {})


def _encode(args: Sequence[Value], use: Use, safe: str = _URI_SAFE) -> str:
    text = to_text(args[0]) if args else ""
    use.budget.text(len(text) * 3, use.at)
    return quote(text, safe=safe)


def _is_whole(args: Sequence[Value], _use: Use) -> bool:
    value = args[0] if args else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or value.is_integer()


def _is_finite(args: Sequence[Value], _use: Use) -> bool:
    value = args[0] if args else None
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


NAMESPACES: Mapping[str, Mapping[str, Builtin]] = {
    "Math": MATH,
    "JSON": {"parse": _parse_json, "stringify": _stringify},
    "Object": {
        "keys": lambda args, use: list(_object(args, use)),
        "values": lambda args, use: list(_object(args, use).values()),
        "entries": lambda args, use: [[key, value] for key, value in _object(args, use).items()],
        "fromEntries": _from_entries,
        "assign": _assign,
    },
    "Date": {"now": lambda _args, _use: round(time.time() * 1000)},
    "DateTime": extras.DATE_FUNCTIONS,
    "Array": {"isArray": lambda args, _use: bool(args) and isinstance(args[0], list | tuple)},
    "Number": {
        "isInteger": _is_whole,
        "isFinite": _is_finite,
        "isNaN": lambda args, _use: bool(args) and isinstance(args[0], float) and math.isnan(args[0]),
        "parseFloat": _parse_number(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"),
        "parseInt": _parse_number(r"[-+]?\d+"),
    },
}

CONSTANTS: Mapping[str, Mapping[str, Value]] = {
    "Math": {"PI": math.pi, "E": math.e},
    "Number": {"MAX_SAFE_INTEGER": 2**53 - 1, "MIN_SAFE_INTEGER": -(2**53 - 1)},
}

VALUES: Mapping[str, Value] = {"NaN": math.nan, "Infinity": math.inf}


def _as_number(args: Sequence[Value], use: Use) -> Value:
    return to_number(args[0], use.name, use.at) if args else 0


FUNCTIONS: Mapping[str, Builtin] = {
    "Number": _as_number,
    "String": lambda args, _use: to_text(args[0]) if args else "",
    "Boolean": lambda args, _use: truthy(args[0]) if args else False,
    "parseInt": NAMESPACES["Number"]["parseInt"],
    "parseFloat": NAMESPACES["Number"]["parseFloat"],
    "isNaN": lambda args, use: math.isnan(_number(args, 0, use)),
    "encodeURIComponent": _encode,
    "decodeURIComponent": lambda args, _use: unquote(to_text(args[0])) if args else "",
    "encodeURI": lambda args, use: _encode(args, use, _URI_SAFE + ";/?:@&=+$,#"),
    "ifEmpty": lambda args, _use: args[1] if len(args) > 1 and args[0] in _NOTHING else (args or [None])[0],
}

CALLBACKS: Mapping[str, Callback] = {
    "Boolean": Callback(lambda value, *_rest: truthy(value)),
    "String": Callback(lambda value, *_rest: to_text(value)),
    "Number": Callback(lambda value, *_rest: leaving(to_number(value, "Number", 0))),
}
"""Built-ins that may be handed to ``map`` and ``filter`` by name."""
