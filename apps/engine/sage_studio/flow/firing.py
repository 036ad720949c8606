"""Which trigger of a flow starts a run.

A flow may hold several triggers. What fires one gives the run its event under ``EVENT``: ``{"node": id, …}``
with what came. The other triggers, and what hangs on them alone, are skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.flow.document import FlowDocument
from sage_studio.flow.node_types import NodeTypes

EVENT = "$trigger"
BY_HAND = "manual_trigger"


def event_of(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What fired the run; empty for one that was started by hand or by its API."""
    event = inputs.get(EVENT)
    return event if isinstance(event, Mapping) else {}


def fired_node(inputs: Mapping[str, Any]) -> str | None:
    """The id of the trigger that fired, or None when nothing but a person did."""
    node = event_of(inputs).get("node")
    return node if isinstance(node, str) else None


def only_fired(document: FlowDocument, types: NodeTypes, fired: str | None) -> FlowDocument:
    """The flow with every other trigger switched off. Without one that fired, those a person starts by hand
    stay on, and where there is none the first."""
    on = [node for node in document.nodes if not node.disabled and _is_trigger(types, node.type)]
    if len(on) < 2 and fired is None:
        return document
    by_hand = {node.id for node in on if node.type == BY_HAND} or {node.id for node in on[:1]}
    off = {node.id for node in on} - ({fired} if fired is not None else by_hand)
    if not off:
        return document
    nodes = [
        node.model_copy(update={"disabled": True}) if node.id in off else node for node in document.nodes
    ]
    return document.model_copy(update={"nodes": nodes})


def _is_trigger(types: NodeTypes, type_id: str) -> bool:
    spec = types.spec(type_id)
    return spec is not None and spec.trigger
