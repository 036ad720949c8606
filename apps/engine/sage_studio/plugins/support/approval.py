"""Asking a person: what the nodes that wait for an approval share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.sdk import Context, NodeOutput, Port, text

APPROVAL = "approval"
APPROVAL_PORTS = (
    Port(name="approved", type="any", label=text("Approved", "已批准")),
    Port(name="rejected", type="any", label=text("Rejected", "已拒绝")),
)


async def approval(ctx: Context, value: Any, *, message: str, timeout_s: float | None) -> NodeOutput:
    """Wait for a person's decision; ``value`` leaves by the port of its name, what the person said by
    ``payload``. Raises NodeError ``node.wait_expired``."""
    details = {"kind": APPROVAL, "message": message}
    payload = await ctx.wait_for(APPROVAL, details={**details}, timeout_s=timeout_s)
    is_approved = isinstance(payload, Mapping) and payload.get("approved") is True
    return {"approved" if is_approved else "rejected": value, "payload": payload}
