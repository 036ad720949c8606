"""Sets, renames and removes fields of one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.items import OBJECTS
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Settings, text

NOT_AN_OBJECT = define_error(
    "set_fields.not_an_object",
    3912,
    en="The input must be an object with fields, but it is {kind}.",
    zh="输入必须是带字段的对象，但实际为 {kind}。",
    hint_en="For a list use the Map node; to start afresh switch “Keep the other fields” off.",
    hint_zh="列表请使用“转换数据”节点；若要从头构造，请关闭“保留其他字段”。",
    status=422,
)


class SetFields(Node):
    """A name with dots reaches inside: ``address.city`` makes or changes the inner object."""

    spec = NodeSpec(
        id="set_fields",
        name=text("Set fields", "设置字段"),
        description=text(
            "Adds, changes and removes fields of an object, or makes a new one.",
            "为对象添加、修改或删除字段，或构造一个新对象。",
        ),
        category="processing",
        icon="pencil",
        deterministic=True,
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(Port(name="value", type="object", label=text("Value", "值")),),
        config=(
            Field(
                name="fields",
                type="object",
                label=text("Fields", "字段"),
                help=text(
                    "Name and value of each; inputs.value is what comes in, and a.b reaches inside.",
                    "每个字段的名称和值；inputs.value 为输入值，可用 a.b 访问内层字段。",
                ),
                default={},
                control="key_value",
                placeholder=text("{{ inputs.value.price * 2 }}", "{{ inputs.value.price * 2 }}"),
            ),
            Field(
                name="remove",
                type="array",
                label=text("Remove", "删除字段"),
                default=[],
                control="list",
                expression="never",
                placeholder=text("password", "password"),
            ),
            Field(
                name="keep_others",
                type="boolean",
                label=text("Keep the other fields", "保留其他字段"),
                default=True,
                control="switch",
            ),
        ),
        example={
            "config": {"fields": {"total": 6, "address.city": "Oslo"}, "remove": ["price"]},
            "inputs": {"value": {"price": 3, "name": "pen"}},
            "outputs": {"value": {"name": "pen", "total": 6, "address": {"city": "Oslo"}}},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        value = inputs.get("value")
        made: dict[str, Any] = {}
        if settings.flag("keep_others") and value is not None:
            if not isinstance(value, OBJECTS):
                raise NodeError(NOT_AN_OBJECT, {"kind": type(value).__name__}, path="inputs.value")
            made = dict(value)
        for path in settings.texts("remove"):
            made = _removed(made, path.split("."))
        for path, field in settings.mapping("fields").items():
            made = _changed(made, path.split("."), field)
        return {"value": made}


def _changed(value: Any, path: list[str], field: Any) -> dict[str, Any]:
    """A copy with the field at the path; what is not on the way is shared with the original."""
    held = dict(value) if isinstance(value, OBJECTS) else {}
    first, rest = path[0], path[1:]
    held[first] = _changed(held.get(first), rest, field) if rest else field
    return held


def _removed(value: Any, path: list[str]) -> Any:
    if not isinstance(value, OBJECTS) or path[0] not in value:
        return value
    first, rest = path[0], path[1:]
    if rest:
        return {**value, first: _removed(value[first], rest)}
    return {name: held for name, held in value.items() if name != first}
