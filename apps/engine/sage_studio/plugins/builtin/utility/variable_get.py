"""Reads a value that was kept under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.variables import SCOPE, scope_of, state_key
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class VariableGet(Node):
    """Reads at the moment it runs: connect it behind what is to have been set before."""

    spec = NodeSpec(
        id="variable_get",
        name=text("Get variable", "读取变量"),
        description=text("Reads a value that “Set variable” has kept.", "读取由“设置变量”保存的值。"),
        category="utility",
        icon="pin",
        effect="idempotent",
        inputs=(Port(name="after", type="any", label=text("After", "前置"), required=False),),
        outputs=(
            Port(name="value", type="any", label=text("Value", "值")),
            Port(name="found", type="boolean", label=text("Found", "是否存在")),
        ),
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
                name="default",
                type="any",
                label=text("If there is none", "不存在时的值"),
                control="json",
            ),
        ),
        summary=text("{name}", "{name}"),
        example={
            "config": {"name": "last_seen", "default": 0},
            "outputs": {"value": 0, "found": False},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        held = await ctx.state.get(state_key(settings.text("name")), scope=scope_of(settings))
        return {"value": settings.raw("default") if held is None else held, "found": held is not None}
