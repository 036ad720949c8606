"""Checks of a node's configuration against its spec: what is missing, and what does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sage_studio.flow.document import FlowNode
from sage_studio.flow.issues import Issue, Place, closest, issue
from sage_studio.flow.operations import Operation, Set, Unset
from sage_studio.flow.spec import Field, NodeSpec
from sage_studio.flow.values import is_number, same
from sage_studio.kernel import Json, define_error

MISSING = define_error(
    "node.field_missing", 2311, status=422,
    en="“{field}” of “{node}” is not filled in.", zh="“{node}” 的 “{field}” 尚未填写。",
    hint_en="Fill it in, or connect something to it where it has an input.",
    hint_zh="请填写该项；若有对应输入，也可以连线。",
)  # fmt: skip
UNKNOWN_FIELD = define_error(
    "node.unknown_field", 2312, status=422,
    en="“{node}” has no setting “{field}”.{suggestion}", zh="“{node}” 没有设置项 “{field}”。{suggestion_zh}",
    hint_en="It is kept but has no effect. Remove it, or correct the name.",
    hint_zh="该项会保留但不起作用。请删除或更正名称。",
)  # fmt: skip
WRONG_TYPE = define_error(
    "node.field_type", 2313, status=422,
    en="“{field}” of “{node}” must be {expected}, not {found}.",
    zh="“{node}” 的 “{field}” 应为{expected_zh}，而不是{found_zh}。",
    hint_en="Change the value, or compute it with {{{{ }}}}.", hint_zh="请修改该值，或用 {{{{ }}}} 计算。",
)  # fmt: skip
OUT_OF_BOUNDS = define_error(
    "node.field_bounds", 2314, status=422,
    en="“{field}” of “{node}” must be {bound} {limit}{unit}; it is {found}.",
    zh="“{node}” 的 “{field}” 必须{bound_zh} {limit}{unit_zh}，当前为 {found}。",
    hint_en="Change the number.", hint_zh="请修改数字。",
)  # fmt: skip
NOT_AN_OPTION = define_error(
    "node.field_option", 2315, status=422,
    en="“{field}” of “{node}” cannot be “{found}”.{suggestion}",
    zh="“{node}” 的 “{field}” 不能是 “{found}”。{suggestion_zh}",
    hint_en="Choose one of: {known}.", hint_zh="可选值：{known}。",
)  # fmt: skip
TOO_LONG = define_error(
    "node.field_too_long", 2316, status=422,
    en="“{field}” of “{node}” has {found} characters; at most {limit} fit.",
    zh="“{node}” 的 “{field}” 有 {found} 个字符，最多 {limit} 个。",
    hint_en="Shorten it, or read it from a file.", hint_zh="请缩短，或改为从文件读取。",
)  # fmt: skip

_TYPES = {
    "string": ("a text", "文本"), "integer": ("a whole number", "整数"), "number": ("a number", "数字"),
    "boolean": ("true or false", "true 或 false"), "object": ("an object", "对象"),
    "array": ("a list", "列表"),
}  # fmt: skip
_NUMBER = re.compile(r"\s*-?\d{1,15}(\.\d+)?\s*", re.ASCII)


def check_config(node: FlowNode, spec: NodeSpec, wired: frozenset[str], place: Place) -> Iterator[Issue]:
    """Every issue of the node's settings; ``wired`` are its input ports with an edge."""
    fields, config = spec.fields_by_name, node.config
    values: Mapping[str, Json] | None = None
    for name, field in fields.items():
        if name in wired:
            continue
        if field.show_when:
            values = values or _values(spec, config)
            if not _is_shown(field, values):
                continue
        value = config.get(name)
        if value is None or (field.required and _is_blank(value)):
            if field.required and _is_blank(config.get(name, field.default)):
                yield issue(MISSING, place.below("config").below(name), node=node.called, field=name)
        elif not has_expression(value, field) and not _is_fine(value, field):
            yield from _check_value(node, field, value, place.below("config").below(name))
    if not config.keys() <= fields.keys():
        yield from _unknown_fields(node, fields, place.below("config"))


def _unknown_fields(node: FlowNode, fields: Mapping[str, Field], below: Place) -> Iterator[Issue]:
    for name in node.config:
        if name not in fields:
            near = closest(name, fields)
            fix = [Unset(node=node.id, path=["config", name])]
            yield issue(
                UNKNOWN_FIELD, below.below(name), severity="warning", fix=fix,
                node=node.called, field=name[:80], near=near,
            )  # fmt: skip


def _values(spec: NodeSpec, config: Mapping[str, Json]) -> Mapping[str, Json]:
    """The settings as they count: what is left out has its default."""
    return {name: field.default for name, field in spec.fields_by_name.items()} | dict(config)


def has_expression(value: Json, field: Field | None) -> bool:
    """Whether a run may replace the value."""
    return isinstance(value, str) and "{{" in value and (field is None or field.expression != "never")


def _is_blank(value: Json) -> bool:
    return value is None or value in ("", [], {})


def _is_shown(field: Field, values: Mapping[str, Json]) -> bool:
    """Whether the field counts, given the others (``show_when``)."""
    conditions = field.show_when or {}
    return all(
        any(same(values.get(other), wanted) for wanted in allowed) for other, allowed in conditions.items()
    )


def _is_fine(value: Json, field: Field) -> bool:
    """The ordinary value, found quickly: of the right type, and nothing more is asked of it."""
    is_free = isinstance(value, (dict, list, bool)) or not (
        field.options
        or field.minimum is not None
        or field.maximum is not None
        or field.max_length is not None
    )
    return is_free and _has_type(value, field)


def _check_value(node: FlowNode, field: Field, value: Json, place: Place) -> Iterator[Issue]:
    if not _has_type(value, field):
        yield _wrong_type(node, field, value, place)
        return
    if is_number(value):
        yield from _check_bounds(node, field, value, place)
    if isinstance(value, str):
        yield from _check_text(node, field, value, place)


def _has_type(value: Json, field: Field) -> bool:
    kind = field.type
    if kind == "any" or field.expression == "item":
        return True
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return is_number(value)
    wanted = {"string": str, "boolean": bool, "object": dict, "array": list}[kind]
    return isinstance(value, wanted)


def _wrong_type(node: FlowNode, field: Field, value: Json, place: Place) -> Issue:
    expected, expected_zh = _TYPES[field.type]
    shown = _shown(value)
    fix: list[Operation] = []
    meant = _meant(value, field)
    if meant is not None:
        fix = [Set(node=node.id, path=["config", field.name], value=meant, was=value)]
    return issue(
        WRONG_TYPE, place, fix=fix, node=node.called, field=field.name,
        expected=expected, expected_zh=expected_zh, found=shown[0], found_zh=shown[1],
    )  # fmt: skip


def _meant(value: Json, field: Field) -> Json:
    """The value of the right type that ``value`` plainly writes, else None."""
    if isinstance(value, str) and field.type in ("integer", "number") and _NUMBER.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() else (number if field.type == "number" else None)
    if isinstance(value, str) and field.type == "boolean":
        return {"true": True, "false": False}.get(value.strip().lower())
    if is_number(value) and field.type == "string":
        return str(value)
    return None


def _shown(value: Json) -> tuple[str, str]:
    if value is True or value is False:
        text = "true" if value else "false"
        return text, f" {text}"
    if isinstance(value, dict):
        return "an object", "对象"
    if isinstance(value, list):
        return "a list", "列表"
    if isinstance(value, str):
        text = value if len(value) <= 40 else f"{value[:40]}…"
        return f"the text “{text}”", f"文本 “{text}”"
    return f"{value}", f" {value}"


def _check_bounds(node: FlowNode, field: Field, value: Json, place: Place) -> Iterator[Issue]:
    assert isinstance(value, int | float)
    low, high = field.minimum, field.maximum
    if low is not None and value < low:
        yield _out_of_bounds(node, field, value, place=place, limit=low, bound=("at least", "不小于"))
    elif high is not None and value > high:
        yield _out_of_bounds(node, field, value, place=place, limit=high, bound=("at most", "不大于"))


def _out_of_bounds(
    node: FlowNode, field: Field, value: float, *, place: Place, limit: float, bound: tuple[str, str]
) -> Issue:
    shown = int(limit) if float(limit).is_integer() else limit
    unit = field.unit
    return issue(
        OUT_OF_BOUNDS, place, fix=[Set(node=node.id, path=["config", field.name], value=shown, was=value)],
        node=node.called, field=field.name, bound=bound[0], bound_zh=bound[1], limit=shown, found=value,
        unit=f" {unit['en']}" if unit else "", unit_zh=f" {unit['zh']}" if unit else "",
    )  # fmt: skip


def _check_text(node: FlowNode, field: Field, value: str, place: Place) -> Iterator[Issue]:
    if field.options and field.type == "string":
        known = [choice.value for choice in field.options]
        if value not in known:
            near = closest(value, known)
            fix = [Set(node=node.id, path=["config", field.name], value=near, was=value)] if near else []
            yield issue(
                NOT_AN_OPTION, place, fix=fix, node=node.called, field=field.name, found=value[:80],
                known=", ".join(known), near=near,
            )  # fmt: skip
    elif field.max_length is not None and len(value) > field.max_length:
        yield issue(
            TOO_LONG, place, node=node.called, field=field.name, found=len(value), limit=field.max_length
        )
