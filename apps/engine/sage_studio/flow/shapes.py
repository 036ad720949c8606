"""The shapes the projection accepts, value by value; the same limits as ``flow.document``.

Written out by hand because the browser holds the same table in TypeScript. Lengths count code
points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sage_studio.flow.document import EXECUTORS, MAX_NAME_LENGTH
from sage_studio.kernel import Json

Check: TypeAlias = Callable[[Json], bool]
Shape: TypeAlias = Mapping[str, Check]


def text(limit: int | None = None, least: int = 0) -> Check:
    return lambda value: (
        isinstance(value, str) and least <= len(value) and (limit is None or len(value) <= limit)
    )


def one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def number(least: float, most: float) -> Check:
    return lambda value: _is_number(value) and least <= value <= most  # type: ignore[operator]


def integer(least: int, most: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def above(least: float, most: float) -> Check:
    return lambda value: _is_number(value) and least < value <= most  # type: ignore[operator]


def boolean(value: Json) -> bool:
    return isinstance(value, bool)


def mapping(value: Json) -> bool:
    return isinstance(value, dict)


def sequence(value: Json) -> bool:
    return isinstance(value, list)


def mappings(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def pair(value: Json) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(item) for item in value)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _matches(value: Json, shape: Shape) -> bool:
    return isinstance(value, dict) and all(check(value[key]) for key, check in shape.items() if key in value)


is_type_name = text(100, least=1)


def is_currency(value: Json) -> bool:
    return (
        isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()
    )


RETRY: Shape = {
    "count": integer(0, 20),
    "delay_s": number(0, 3600),
    "backoff": number(1, 10),
    "jitter": number(0, 1),
    "errors": lambda value: isinstance(value, list) and len(value) <= 50 and all(map(text(100, 1), value)),
}

NODE: Shape = {
    "type": is_type_name,
    "version": text(32),
    "name": text(MAX_NAME_LENGTH),
    "config": mapping,
    "pos": pair,
    "size": pair,
    "parent": text(),
    "disabled": boolean,
    "retry": lambda value: _matches(value, RETRY),
    "timeout_s": above(0, 86_400 * 30),
    "on_error": one_of("fail", "continue", "route"),
    "cache": boolean,
    "concurrency": integer(1, 1000),
    "executor": one_of(*EXECUTORS),
    "notes": text(20_000),
}

NOTE: Shape = {"text": text(20_000), "pos": pair, "size": pair, "color": text()}

BUDGET: Shape = {"amount": integer(0, 1_000_000_000), "currency": is_currency}

SETTINGS: Shape = {
    "mode": one_of("batch", "streaming", "event"),
    "timeout_s": above(0, 86_400 * 365),
    "on_error": one_of("fail", "continue"),
    "concurrency": integer(1, 1000),
    "executor": one_of(*EXECUTORS),
    "timezone": text(),
    "optimise": one_of("on", "off"),
    "unread_nodes": one_of("run", "skip"),
    "budget": lambda value: _matches(value, BUDGET) and isinstance(value, dict) and "amount" in value,
}

META: Shape = {
    "name": text(MAX_NAME_LENGTH),
    "description": text(20_000),
    "settings": mapping,
    "inputs": sequence,
    "outputs": mappings,
    "variables": mapping,
}

_INPUT: Shape = {"name": text(64, least=1), "type": text(), "required": boolean, "label": text()}


def is_flow_input(value: Json) -> bool:
    return _matches(value, _INPUT) and isinstance(value, dict) and "name" in value


def note(value: Json) -> bool:
    return _matches(value, NOTE)


def flow_inputs(value: Json) -> bool:
    return isinstance(value, list) and all(is_flow_input(item) for item in value)
