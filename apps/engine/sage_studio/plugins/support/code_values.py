"""Types people give to the inputs and results of their code, and whether a value has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import Choice, NodeError, text

WRONG_TYPE = define_error(
    "code.wrong_type",
    3622,
    en="“{what}” must be {wanted}, but it is {kind}.",
    zh="“{what}” 应为 {wanted_zh}，但实际为 {kind_zh}。",
    hint_en="Change the code or the declared type.",
    hint_zh="请修改代码，或修改声明的类型。",
    status=422,
)
UNKNOWN_TYPE = define_error(
    "code.unknown_type",
    3623,
    en="“{what}” is declared as “{wanted}”, which is no type here.",
    zh="“{what}” 声明的类型“{wanted}”不存在。",
    hint_en="Types are: any, string, integer, number, boolean, object, array, array<object>.",
    hint_zh="可用类型：any、string、integer、number、boolean、object、array、array<object>。",
    status=422,
)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


_TYPES: Mapping[str, tuple[str, str, Callable[[Any], bool]]] = {
    "any": ("Anything", "任意", lambda _: True),
    "string": ("Text", "文本", lambda value: isinstance(value, str)),
    "integer": ("Whole number", "整数", lambda value: _is_number(value) and value == int(value)),
    "number": ("Number", "数字", _is_number),
    "boolean": ("Yes or no", "布尔值", lambda value: isinstance(value, bool)),
    "object": ("Object", "对象", lambda value: isinstance(value, Mapping)),
    "array": ("List", "列表", lambda value: isinstance(value, list)),
    "array<object>": ("List of objects", "对象列表", _is_objects),
}
_ALIASES = {"str": "string", "text": "string", "int": "integer", "float": "number", "bool": "boolean",
            "dict": "object", "list": "array", "list[dict]": "array<object>"}  # fmt: skip

TYPE_CHOICES = tuple(Choice(value=name, label=text(en, zh)) for name, (en, zh, _) in _TYPES.items())


def check_type(value: Any, wanted: str, *, what: str, path: str) -> Any:
    """The value. Raises NodeError ``code.wrong_type`` or ``code.unknown_type``."""
    name = _ALIASES.get(wanted, wanted)
    if name not in _TYPES:
        raise NodeError(UNKNOWN_TYPE, {"what": what, "wanted": wanted}, path=path)
    en, zh, fits = _TYPES[name]
    if fits(value):
        return value
    kind, kind_zh = next(
        ((word, word_zh) for word, word_zh, is_one in list(_TYPES.values())[1:] if is_one(value)),
        ("nothing", "空值") if value is None else ("something else", "其他类型"),
    )
    facts = {
        "what": what, "wanted": en.lower(), "wanted_zh": zh, "kind": kind.lower(), "kind_zh": kind_zh,
    }  # fmt: skip
    raise NodeError(WRONG_TYPE, dict(facts), path=path)
