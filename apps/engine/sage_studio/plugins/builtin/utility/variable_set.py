"""Keeps a value under a name: for this run, for the flow, or for the workspace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import JsonObject, define_error
from sage_studio.plugins.support.variables import SCOPE, scope_of, state_key
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Settings, text

TOO_BIG = define_error(
    "variable.too_big",
    3920,
    en="The value of “{name}” takes {size_kb} KB; at most {limit_kb} KB are kept.",
    zh="“{name}”的值占 {size_kb} KB，最多可保存 {limit_kb} KB。",
    hint_en="Write it into a file, or keep only what is needed later.",
    hint_zh="请写入文件，或只保留以后需要的部分。",
    status=422,
)
MAX_BYTES = 256 << 10


class VariableSet(Node):
    """The last one to write wins; a repeat after a crash writes the same again."""

    spec = NodeSpec(
        id="variable_set",
        name=text("Set variable", "设置变量"),
        description=text(
            "Keeps a value under a name, for later in this run or for later runs.",
            "以指定名称保存一个值，供本次运行后续节点或以后的运行使用。",
        ),
        category="utility",
        icon="pin",
        effect="idempotent",
        gives_all=True,
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(Port(name="value", type="any", label=text("Value", "值")),),
        config=(
            Field(
                name="name",
                label=text("Name", "变量名"),
                default="",
                required=True,
                max_length=150,
                placeholder=text("last_seen", "last_seen"),
            ),
            SCOPE,
            Field(
                name="set_to",
                type="any",
                label=text("Value", "值"),
                help=text("Empty: what comes in.", "留空则使用输入值。"),
                control="textarea",
                placeholder=text("{{ inputs.value.id }}", "{{ inputs.value.id }}"),
            ),
        ),
        summary=text("{name}", "{name}"),
        example={
            "config": {"name": "last_seen"},
            "inputs": {"value": 41},
            "outputs": {"value": 41},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        name, given = settings.text("name"), settings.raw("set_to")
        value = inputs.get("value") if given is None or given == "" else given
        size = len(json.dumps(value, default=str).encode())
        if size > MAX_BYTES:
            facts: JsonObject = {"name": name, "size_kb": -(-size // 1024), "limit_kb": MAX_BYTES >> 10}
            raise NodeError(TOO_BIG, facts)
        await ctx.state.set(state_key(name), value, scope=scope_of(settings))
        return {"value": value}
