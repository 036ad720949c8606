"""Filters over metadata, the same for every store: ``{"lang": "en", "year": {"gte": 2020}}``.

All named fields must fit. A plain value means equal, a list means one of these, an object holds
comparisons (``eq ne in nin gt gte lt lte``). A field an entry does not have fits nothing but ``ne`` and
``nin``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

BAD_FILTER = define_error(
    "retriever.bad_filter",
    3702,
    en="The filter cannot be used: {reason}.",
    zh="无法使用该过滤条件：{reason}。",
    hint_en='Write it as an object of fields, for example {{"lang": "en", "year": {{"gte": 2020}}}}.',
    hint_zh='请写成字段对象，例如 {{"lang": "en", "year": {{"gte": 2020}}}}。',
    status=422,
)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}
COMPARISONS = ("eq", "ne", "in", "nin", *_ORDER)
_MAX_CONDITIONS = 50


class Condition:
    """One comparison of one field."""

    __slots__ = ("field", "operator", "value")

    def __init__(self, field: str, operator: str, value: Any) -> None:
        if not field or len(field) > 200 or "\x00" in field:
            raise NodeError(BAD_FILTER, {"reason": f"“{field[:50]}” is no name of a field"})
        if operator not in COMPARISONS:
            raise NodeError(BAD_FILTER, {"reason": f"there is no comparison “{operator[:50]}”"})
        values = value if operator in {"in", "nin"} else [value]
        if not isinstance(values, list) or not all(isinstance(v, (str, int, float, bool)) for v in values):
            raise NodeError(BAD_FILTER, {"reason": f"“{field}” is compared with something that is no value"})
        self.field, self.operator, self.value = field, operator, value

    def fits(self, metadata: Mapping[str, Any]) -> bool:
        held = metadata.get(self.field)
        if self.operator == "ne":
            return bool(held != self.value)
        if self.operator == "nin":
            return held not in self.value
        if held is None:
            return False
        if self.operator == "eq":
            return bool(held == self.value)
        if self.operator == "in":
            return held in self.value
        numbers = isinstance(held, (int, float)) and isinstance(self.value, (int, float))
        if not numbers and not (isinstance(held, str) and isinstance(self.value, str)):
            return False
        return _ORDER[self.operator](held, self.value)


class Filter:
    """Read once, for every store. Raises NodeError ``retriever.bad_filter``."""

    def __init__(self, where: Mapping[str, Any]) -> None:
        self.conditions: list[Condition] = []
        for field, wanted in where.items():
            if isinstance(wanted, Mapping):
                self.conditions += [Condition(str(field), str(op), value) for op, value in wanted.items()]
            else:
                self.conditions.append(
                    Condition(str(field), "in" if isinstance(wanted, list) else "eq", wanted)
                )
        if len(self.conditions) > _MAX_CONDITIONS:
            raise NodeError(BAD_FILTER, {"reason": f"it has more than {_MAX_CONDITIONS} conditions"})

    def fits(self, metadata: Mapping[str, Any]) -> bool:
        return all(condition.fits(metadata) for condition in self.conditions)

    def __bool__(self) -> bool:
        return bool(self.conditions)
