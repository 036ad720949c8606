"""Starts a flow when another one has ended."""

from __future__ import annotations

from sage_studio.plugins.support.triggers import SAMPLE, TriggerNode, choice, set_once
from sage_studio.sdk import NodeSpec, Port, text


class FlowEventTrigger(TriggerNode):
    """Hears of the end of runs once each; what follows from one another ends after a few steps."""

    spec = NodeSpec(
        id="flow_event_trigger",
        name=text("After another flow", "流程事件触发"),
        description=text(
            "Starts the flow when another flow of the workspace has completed or failed.",
            "工作区中的其他流程完成或失败时启动本流程。",
        ),
        category="trigger",
        icon="branch",
        trigger=True,
        gives_all=True,
        outputs=(
            Port(
                name="run",
                type="object",
                label=text("Run", "运行"),
                description=text(
                    "id, number, state, flow_id, flow_name", "id、number、state、flow_id、flow_name"
                ),
            ),
            Port(name="outputs", type="any", label=text("What it gave", "运行输出")),
            Port(name="error", type="any", label=text("Why it failed", "失败原因")),
        ),
        config=(
            set_once(
                "flow",
                label=text("Flow", "流程"),
                help=text("Empty: every other flow of the workspace.", "留空表示工作区中的所有其他流程。"),
                default="",
                control="flow",
            ),
            set_once(
                "when",
                label=text("When it has", "触发条件"),
                default="failed",
                control="select",
                options=(
                    choice("failed", "Failed", "失败"),
                    choice("completed", "Completed", "完成"),
                    choice("ended", "Ended, however", "结束（不论结果）"),
                ),
            ),
            SAMPLE,
        ),
        summary=text("{when}", "{when}"),
        example={
            "config": {"sample": {"run": {"state": "failed"}, "error": {"message": "No"}}},
            "inputs": {},
            "outputs": {"run": {"state": "failed"}, "error": {"message": "No"}, "outputs": None},
        },
    )
