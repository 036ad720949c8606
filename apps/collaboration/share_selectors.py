"""Reading share links, and the little of a flow that people outside may see."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.catalogue.selectors import registry
from apps.collaboration.models import ShareLink
from apps.common import sealed_ids
from apps.flows.models import Flow
from apps.workspaces.policies import may, role_of
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject
from sage_studio.plugins.registry import NodeRegistry

_PURPOSE = "share"
# What a drawing consists of. Settings, texts, pinned data and variables are not among it, and nothing
# that is added to the flow format later is, until it is named here.
_NODE = ("id", "type", "name", "pos", "size", "parent", "disabled")
_EDGE = ("id", "source", "source_port", "target", "target_port")
# The canonical form leaves out what is as it is by default.
_PLACED: JsonObject = {"pos": [0, 0]}
_NOTE = ("id", "text", "pos", "size", "color")


def share_link_list(flow: Flow) -> QuerySet[ShareLink]:
    """Links of a flow that can still be opened."""
    alive = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return ShareLink.objects.filter(alive, flow=flow).select_related("created_by")


def share_link_find(token: str) -> ShareLink | None:
    """The link behind a token, while it holds: not expired, its flow not deleted, and whoever made it
    still somebody who may share."""
    link_id = sealed_ids.id_in(_PURPOSE, token)
    if link_id is None:
        return None
    link = ShareLink.objects.select_related("flow__definition", "created_by").filter(pk=link_id).first()
    if link is None or link.flow.archived_at is not None:
        return None
    if link.expires_at is not None and link.expires_at <= timezone.now():
        return None
    return link if may(role_of(link.created_by, link.flow.workspace_id), Action.FLOW_SHARE) else None


def share_link_url(link: ShareLink) -> str:
    """The address people outside open."""
    return f"{settings.CONFIG.address}/shared/{sealed_ids.token_for(_PURPOSE, link.pk)}"


def drawing_of(flow: Flow) -> JsonObject:
    """The flow as a drawing: names, places, lines and notes, with what a node type looks like."""
    body = flow.definition.body
    types = registry(flow.workspace_id)
    return {
        "nodes": [_node(node, types) for node in body.get("nodes") or ()],
        "edges": [_only(edge, _EDGE) for edge in body.get("edges") or ()],
        "notes": [{"text": "", **_PLACED, **_only(note, _NOTE)} for note in body.get("notes") or ()],
    }


def _only(source: dict[str, Any], keys: tuple[str, ...]) -> JsonObject:
    return {key: source[key] for key in keys if key in source}


def _node(node: dict[str, Any], types: NodeRegistry) -> JsonObject:
    version = node.get("version")
    spec = types.spec(str(node.get("type")), version if isinstance(version, str) else None)
    shown = spec.model_dump(mode="json", include={"name", "category", "icon"}) if spec else {}
    return {
        **_PLACED,
        **_only(node, _NODE),
        "type_name": shown.get("name") or {},
        "category": shown.get("category") or "utility",
        "icon": shown.get("icon") or "",
    }
