"""Checks of what a node says of itself, without running it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from sage_studio.flow.types import is_value_of, parse_type
from sage_studio.kernel import SageError
from sage_studio.sdk import Field, NodeSpec
from sage_studio.sdk.definition import definition_of, spec_from_definition
from sage_studio.testing.findings import Finding, error, warning

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_PLACE = re.compile(r"\{(\w+)\}")
_NUMBERS = ("integer", "number")


def check_spec(spec: NodeSpec) -> Iterator[Finding]:
    """Names, types, bounds and defaults agree with one another, and nothing is lost in JSON."""
    if not _VERSION.fullmatch(spec.version):
        yield error(
            spec.id,
            "spec",
            f"the version “{spec.version}” is not like 1.0.0",
            f"版本“{spec.version}”不是 1.0.0 的形式",
        )
    yield from _names(spec)
    for port in (*spec.input_ports(), *spec.outputs):
        try:
            parse_type(port.type)
        except SageError as problem:
            yield error(
                spec.id,
                "spec",
                f"port {port.name}: {problem.message()}",
                f"端口 {port.name}：{problem.message('zh')}",
            )
    for field in spec.config:
        yield from _field(spec, field)
    yield from _summary(spec)
    plain = json.loads(json.dumps(spec.model_dump(mode="json", exclude_none=True)))
    if NodeSpec.model_validate(plain) != spec or spec_from_definition(definition_of(spec)) != spec:
        yield error(spec.id, "spec", "it does not survive being written as JSON", "写成 JSON 后无法还原")


def check_languages(spec: NodeSpec) -> Iterator[Finding]:
    """Every visible text is there in English and Chinese."""
    shape = spec.model_dump(mode="json", exclude_none=True, exclude={"example"})
    for place, texts in _texts(shape, ""):
        for language in ("en", "zh"):
            if not texts[language].strip():
                yield error(
                    spec.id, "languages", f"{place} is empty in {language}", f"{place} 缺少 {language} 文本"
                )
    if spec.description["en"] == spec.description["zh"]:
        yield warning(
            spec.id, "languages", "the description is the same in both languages", "说明的中英文相同"
        )


def _names(spec: NodeSpec) -> Iterator[Finding]:
    for kind, names in (
        ("inputs", [port.name for port in spec.inputs]),
        ("outputs", [port.name for port in spec.outputs]),
        ("config", [field.name for field in spec.config]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield error(spec.id, "spec", f"{kind}: “{name}” is there twice", f"{kind}：“{name}”重复")


def _field(spec: NodeSpec, field: Field) -> Iterator[Finding]:
    options = {option.value for option in field.options}
    if field.type in _NUMBERS and (field.minimum is None or field.maximum is None):
        yield warning(spec.id, "spec", f"{field.name} has no bounds", f"{field.name} 没有上下限")
    if field.control == "select" and not options:
        yield error(spec.id, "spec", f"{field.name} has nothing to choose", f"{field.name} 没有可选项")
    problem = _default_problem(field, options)
    if problem:
        yield error(
            spec.id, "spec", f"the default of {field.name} {problem}", f"{field.name} 的默认值有误：{problem}"
        )
    for other, values in (field.show_when or {}).items():
        shown = spec.field(other)
        if shown is None:
            yield error(
                spec.id,
                "spec",
                f"{field.name} depends on “{other}”, which is no field",
                f"{field.name} 依赖的“{other}”不存在",
            )
        elif shown.options and not set(values) <= {option.value for option in shown.options}:
            yield error(
                spec.id,
                "spec",
                f"{field.name} depends on a choice “{other}” lacks",
                f"{field.name} 依赖“{other}”中不存在的选项",
            )


def _default_problem(field: Field, options: set[str]) -> str:
    value = field.default
    if value is None or (isinstance(value, str) and "{{" in value) or (value == "" and not field.options):
        return ""
    if field.type != "any" and not is_value_of(value, field.type):
        return f"is no {field.type}"
    if options and field.type == "string" and value not in options:
        return "is none of its choices"
    if field.type in _NUMBERS and isinstance(value, (int, float)):
        low, high = field.minimum, field.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            return "is out of bounds"
    return ""


def _summary(spec: NodeSpec) -> Iterator[Finding]:
    for template in (spec.summary or {}).values():
        for name in _PLACE.findall(str(template)):
            if spec.field(name) is None:
                yield error(
                    spec.id,
                    "spec",
                    f"the summary names “{name}”, which is no field",
                    f"摘要引用的“{name}”不是字段",
                )


def _texts(value: Any, place: str) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(value, dict):
        if set(value) == {"en", "zh"}:
            yield place, value
            return
        for key, held in value.items():
            yield from _texts(held, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for position, held in enumerate(value):
            named = held.get("name", position) if isinstance(held, dict) else position
            yield from _texts(held, f"{place}[{named if isinstance(named, (str, int)) else position}]")
