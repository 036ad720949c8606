"""What the nodes for variables share: where a value is kept, and under which key."""

from __future__ import annotations

from typing import cast

from sage_studio.sdk import Choice, Field, Settings, StateScope, text

SCOPE = Field(
    name="scope",
    label=text("Kept for", "作用范围"),
    default="run",
    control="select",
    expression="never",
    options=(
        Choice(value="run", label=text("This run", "本次运行")),
        Choice(value="flow", label=text("All runs of this flow", "本流程的所有运行")),
        Choice(value="workspace", label=text("All flows of the workspace", "工作区的所有流程")),
    ),
)


def scope_of(settings: Settings) -> StateScope:
    return cast(StateScope, settings.text("scope"))


def state_key(name: str) -> str:
    """Apart from what nodes keep for themselves."""
    return f"variable:{name.strip()}"
