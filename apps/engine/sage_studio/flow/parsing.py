"""From whatever somebody hands in to a ``FlowDocument``, or to sentences that say what is wrong.

Every fault is named with its place (``nodes[3].config.size``), in words a person can act on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sage_studio.flow.document import CURRENCY_PATTERN, SCHEMA, FlowDocument, edge_id
from sage_studio.flow.reading import join, read
from sage_studio.kernel import ErrorCode, Json, JsonObject, SageError, collector_paused, define_error

Model = TypeVar("Model", bound=BaseModel)

MAX_LISTED = 50
"""Faults listed at once; a file of another kind would list thousands."""

INVALID = define_error(
    "flow.invalid", 2020, status=422,
    en="The flow has {count} faults; the first: {first}", zh="流程有 {count} 处错误；第一处：{first_zh}",
    hint_en="Each fault is listed with its place.", hint_zh="每处错误都列出了位置。",
)  # fmt: skip
NOT_A_FLOW = define_error(
    "flow.not_a_flow", 2021, status=422,
    en="This object is no flow: it has neither “schema” nor “nodes”.",
    zh="这个对象不是流程：缺少 “schema” 和 “nodes”。",
    hint_en="A flow begins with \"schema\": \"sage-studio/flow@1\".",
    hint_zh="流程应以 \"schema\": \"sage-studio/flow@1\" 开头。",
)  # fmt: skip
OTHER_SCHEMA = define_error(
    "flow.other_schema", 2022, status=422,
    en="This flow is written in “{found}”; this version reads “sage-studio/flow@1”.",
    zh="该流程的格式为 “{found}”；当前版本支持 “sage-studio/flow@1”。",
    hint_en="Update SAGE Studio, or export the flow again.", hint_zh="请升级 SAGE Studio，或重新导出流程。",
)  # fmt: skip
MISSING = define_error(
    "flow.field_missing", 2023, status=422,
    en="{place} is missing.", zh="缺少 {place}。",
    hint_en="Add it.", hint_zh="请补充该项。",
)  # fmt: skip
WRONG_TYPE = define_error(
    "flow.field_type", 2024, status=422,
    en="{place} must be {expected}, not {found}.", zh="{place} 应为{expected_zh}，而不是 {found}。",
    hint_en="Change the value.", hint_zh="请修改该值。",
)  # fmt: skip
TOO_LONG = define_error(
    "flow.field_too_long", 2025, status=422,
    en="{place} is too long: {found} of at most {limit}.", zh="{place} 过长：{found}，最多 {limit}。",
    hint_en="Shorten it.", hint_zh="请缩短。",
)  # fmt: skip
TOO_SHORT = define_error(
    "flow.field_empty", 2026, status=422,
    en="{place} must not be empty.", zh="{place} 不能为空。", hint_en="Fill it in.", hint_zh="请填写。",
)  # fmt: skip
OUT_OF_RANGE = define_error(
    "flow.field_range", 2027, status=422,
    en="{place} must be {bound} {limit}, not {found}.", zh="{place} 必须{bound_zh} {limit}，当前为 {found}。",
    hint_en="Change the number.", hint_zh="请修改数字。",
)  # fmt: skip
NOT_AN_OPTION = define_error(
    "flow.field_option", 2028, status=422,
    en="{place} must be {expected}, not {found}.", zh="{place} 只能是 {expected}，不能是 {found}。",
    hint_en="Choose one of these.", hint_zh="请从中选择。",
)  # fmt: skip
BAD_ID = define_error(
    "flow.bad_id", 2029, status=422,
    en="{place} is {found}: an id is 1 to 64 letters, digits and underscores and begins with no digit.",
    zh="{place} 为 {found}：id 由 1–64 个字母、数字、下划线组成，且不能以数字开头。",
    hint_en="Rename the node, for example “reader_1”.", hint_zh="请重命名节点，例如 “reader_1”。",
)  # fmt: skip
BAD_CURRENCY = define_error(
    "flow.bad_currency", 2031, status=422,
    en="{place} is {found}: a currency is three capital letters.",
    zh="{place} 为 {found}：货币代码应为三个大写字母。",
    hint_en="Write its ISO code, for example USD or CNY.", hint_zh="请使用 ISO 代码，例如 USD 或 CNY。",
)  # fmt: skip
UNREADABLE = define_error(
    "flow.field_unreadable", 2030, status=422,
    en="{place} cannot be read.", zh="无法读取 {place}。", hint_en="Check the value.", hint_zh="请检查该值。",
)  # fmt: skip

_TYPES = {
    "string_type": ("a text", "文本"), "int_type": ("a whole number", "整数"),
    "int_from_float": ("a whole number", "整数"), "float_type": ("a number", "数字"),
    "bool_type": ("true or false", "true 或 false"), "list_type": ("a list", "列表"),
    "dict_type": ("an object", "对象"), "model_type": ("an object", "对象"),
    "model_attributes_type": ("an object", "对象"), "tuple_type": ("a list of two numbers", "两个数字的列表"),
    "finite_number": ("a finite number", "有限的数字"),
}  # fmt: skip
_BOUNDS = {
    "greater_than": ("gt", "above", "大于"), "greater_than_equal": ("ge", "at least", "不小于"),
    "less_than": ("lt", "below", "小于"), "less_than_equal": ("le", "at most", "不大于"),
}  # fmt: skip


@collector_paused()
def parse(source: str | bytes | Mapping[str, Json]) -> FlowDocument:
    """The flow that ``source`` (JSON or YAML text, or decoded JSON) describes.

    Edges get the id that follows from their ends. Raises SageError: ``flow.invalid`` with one entry
    in ``errors`` per fault when several are wrong, else the fault itself.
    """
    data = read(source)
    found = data.get("schema")
    if found is None and "nodes" not in data:
        raise SageError(NOT_A_FLOW)
    if found is not None and found != SCHEMA:
        raise SageError(OTHER_SCHEMA, {"found": str(found)[:80]}, path="schema")
    return parse_plain(data)


@collector_paused()
def parse_plain(data: JsonObject) -> FlowDocument:
    """``parse`` for an object that is known to be plain JSON, such as a projection's document."""
    document = read_model(FlowDocument, data)
    for edge in document.edges:
        # Past pydantic's assignment, which takes longer than reading the edge.
        edge.__dict__["id"] = edge_id(edge.source, edge.source_port, edge.target, edge.target_port)
    return document


def read_model(model: type[Model], data: JsonObject) -> Model:
    """``data`` as ``model``; a ValidationError becomes a SageError as in ``parse``."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _sentences(error, data) from error


def _sentences(error: ValidationError, data: JsonObject) -> SageError:
    faults = [_fault(detail, data) for detail in error.errors(include_url=False)]
    if len(faults) == 1:
        return faults[0]
    first = faults[0]
    facts: JsonObject = {"count": len(faults), "first": first.message("en"), "first_zh": first.message("zh")}
    return SageError(INVALID, facts, path=first.path, errors=faults[:MAX_LISTED])


def _fault(detail: Mapping[str, Any], data: JsonObject) -> SageError:
    kind, context = str(detail["type"]), detail.get("ctx") or {}
    path = _path(detail["loc"])
    shown = _place(detail["loc"], path, data)
    found = _shown(detail.get("input"))
    code, facts = _matching(kind, context, detail.get("input"))
    return SageError(code, {"place": shown, "found": found, **facts}, path=path)


def _matching(kind: str, context: Mapping[str, Any], value: object) -> tuple[ErrorCode, JsonObject]:
    if kind == "missing":
        return MISSING, {}
    if kind in _TYPES:
        expected, expected_zh = _TYPES[kind]
        return WRONG_TYPE, {"expected": expected, "expected_zh": expected_zh}
    if kind in ("string_too_long", "too_long"):
        length = len(value) if isinstance(value, str | list | dict) else 0
        return TOO_LONG, {"limit": context["max_length"], "found": length}
    if kind in ("string_too_short", "too_short"):
        return TOO_SHORT, {}
    if kind in _BOUNDS:
        name, bound, bound_zh = _BOUNDS[kind]
        return OUT_OF_RANGE, {"bound": bound, "bound_zh": bound_zh, "limit": context[name]}
    if kind == "literal_error":
        return NOT_AN_OPTION, {"expected": str(context["expected"]).replace(" or ", ", ")}
    if kind == "string_pattern_mismatch":
        return (BAD_CURRENCY if context["pattern"] == CURRENCY_PATTERN else BAD_ID), {}
    return UNREADABLE, {}


def _path(location: Sequence[str | int]) -> str:
    path = ""
    for step in location:
        path = f"{path}[{step}]" if isinstance(step, int) else join(path, step)
    return path


def _place(location: Sequence[str | int], path: str, data: JsonObject) -> str:
    """The path, with the node's own id where there is one: people know ids, not positions."""
    if len(location) > 2 and location[0] == "nodes" and isinstance(location[1], int):
        nodes = data.get("nodes")
        node = nodes[location[1]] if isinstance(nodes, list) else None
        name = node.get("id") if isinstance(node, dict) else None
        if isinstance(name, str) and name and location[2] != "id":
            return f"{path} ({name[:64]})"
    return path


def _shown(value: object) -> str:
    """A value in a sentence, cut short."""
    if isinstance(value, str):
        return f"“{value[:40]}…”" if len(value) > 40 else f"“{value}”"
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list):
        return "[…]"
    return json.dumps(value, default=str)
