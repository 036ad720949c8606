"""What the triggers share: the fields of all of them, and the values they start a flow with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, Settings, event_of, text

SAMPLE = Field(
    name="sample",
    type="object",
    label=text("Sample for runs by hand", "手动运行时的示例"),
    help=text(
        "What the node gives when somebody presses Run and nothing has fired it.",
        "点击“运行”而未真正触发时，该节点输出的内容。",
    ),
    default={},
    control="json",
    expression="never",
    expert=True,
)


def set_once(name: str, **facts: Any) -> Field:
    """A field that is read when nothing runs yet, so it holds no expressions."""
    return Field(name=name, expression="never", **facts)


def choice(value: str, en: str, zh: str) -> Choice:
    return Choice(value=value, label=text(en, zh))


class TriggerNode(Node):
    """Hands on what fired the run: ``data`` of the event, port by port; the sample when a person did."""

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        event = event_of(inputs)
        given = event.get("data") if event.get("node") == ctx.node_id else None
        values = given if isinstance(given, Mapping) else Settings(self.spec, ctx, inputs).mapping("sample")
        return {port.name: values.get(port.name, _empty(port.type)) for port in self.spec.outputs}


def _empty(port_type: str) -> Any:
    if port_type == "string":
        return ""
    if port_type.startswith("array"):
        return []
    return {} if port_type == "object" else None
