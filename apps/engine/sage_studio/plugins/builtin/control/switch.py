"""Sends a value one of several ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

CASES = 8
DEFAULT = "default"


def _case(number: int) -> str:
    return f"case_{number}"


class Switch(Node):
    """The first case that fits takes the value; without one it goes out of “default”."""

    spec = NodeSpec(
        id="switch",
        name=text("Switch", "多路分支"),
        description=text(
            "Compares a value with up to eight cases and sends it out of the first that fits.",
            "将值与最多八个分支比较，从首个匹配的端口传出。",
        ),
        category="control",
        icon="branch",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(
            *(
                Port(name=_case(n), type="any", label=text(f"Case {n}", f"分支 {n}"))
                for n in range(1, CASES + 1)
            ),
            Port(name=DEFAULT, type="any", label=text("Otherwise", "其他")),
        ),
        config=(
            Field(
                name="by",
                type="any",
                label=text("Compare", "比较对象"),
                default="{{ inputs.value }}",
                control="code",
            ),
            *(
                Field(
                    name=_case(n),
                    type="any",
                    label=text(f"Case {n}", f"分支 {n}"),
                    help=text(
                        "A value that must be equal, or an expression that is true or false.",
                        "需要相等的值，或结果为真假的表达式。",
                    )
                    if n == 1
                    else None,
                    control="code",
                )
                for n in range(1, CASES + 1)
            ),
        ),
        summary=text("{by}", "{by}"),
        example={
            "config": {"by": "{{ inputs.value.kind }}", "case_1": "order", "case_2": "{{ 2 > 1 }}"},
            "inputs": {"value": {"kind": "order"}},
            "outputs": {"case_1": {"kind": "order"}},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        compared = settings.raw("by")
        taken = DEFAULT
        for number in range(1, CASES + 1):
            case = ctx.config.get(_case(number))
            if case is None or case == "":
                continue
            if _fits(case, compared):
                taken = _case(number)
                break
        ctx.log("decided", branch=taken)
        return {taken: inputs.get("value")}


def _fits(case: Any, compared: Any) -> bool:
    """A yes-or-no case decides by itself, unless yes-or-no is what is compared; text and numbers that
    look the same are the same, because a form writes text."""
    if isinstance(case, bool) and not isinstance(compared, bool):
        return case
    if isinstance(case, bool) or isinstance(compared, bool):
        return case is compared or str(case).lower() == str(compared).lower()
    if isinstance(case, (str, int, float)) and isinstance(compared, (str, int, float)):
        return str(case) == str(compared)
    return bool(case == compared)
