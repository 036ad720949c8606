"""Domain events of flows."""

from __future__ import annotations

FLOW_CREATED = "flow.created"
"""{flow_id, workspace_id}"""
FLOW_ARCHIVED = "flow.archived"
"""{flow_id, workspace_id}"""
FLOW_CHANGED = "flow.changed"
"""{flow_id, workspace_id, seq}: the projection shown in lists was refreshed after edits."""
