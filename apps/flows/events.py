"""Domain events of flows.

Birth is also told at once, inside the creating transaction, so that no flow is ever seen without
its live document.
"""

from __future__ import annotations

from collections.abc import Callable

from apps.flows.models import Flow

FLOW_CREATED = "flow.created"
"""{flow_id, workspace_id}"""
FLOW_ARCHIVED = "flow.archived"
"""{flow_id, workspace_id}"""
FLOW_CHANGED = "flow.changed"
"""{flow_id, workspace_id, seq}: the projection shown in lists was refreshed after edits."""

Created = Callable[[Flow], object]
_created: list[Created] = []


def on_created(handler: Created) -> None:
    """Call ``handler(flow)`` inside each transaction that creates a flow."""
    if handler not in _created:
        _created.append(handler)


def created(flow: Flow) -> None:
    """Tell everyone registered."""
    for handler in _created:
        handler(flow)
