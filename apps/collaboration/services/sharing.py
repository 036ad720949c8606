"""Links by which people outside see one flow's drawing: made and taken back by owners, both audited."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.collaboration import errors
from apps.collaboration.models import ShareLink
from apps.collaboration.share_selectors import share_link_list
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.flows.models import Flow
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError

LINKS_PER_FLOW = 20


def share_link_create(*, person: Person, flow: Flow, expires_in_days: int | None) -> ShareLink:
    """A new link; without a number of days it works until it is taken back.

    Raises Forbidden, NotFound or SageError.
    """
    with write_transaction():
        require(person, flow.workspace_id, Action.FLOW_SHARE)
        if share_link_list(flow).count() >= LINKS_PER_FLOW:
            raise SageError(errors.TOO_MANY_LINKS, {"limit": LINKS_PER_FLOW})
        days = expires_in_days
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        link = ShareLink.objects.create(flow=flow, created_by=person, expires_at=expires_at)
        after: JsonObject = {
            "flow": str(flow.pk),
            "expires_at": expires_at.isoformat() if expires_at else None,
        }
        record(person, "share_link.created", flow.workspace_id, ("share_link", link.pk), after=after)
    return link


def share_link_delete(*, person: Person, flow: Flow, link_id: uuid.UUID) -> None:
    """Make a link worthless at once. Raises Forbidden or NotFound."""
    with write_transaction():
        require(person, flow.workspace_id, Action.FLOW_SHARE)
        deleted, _ = ShareLink.objects.filter(flow=flow, pk=link_id).delete()
        if not deleted:
            raise NotFound
        before: JsonObject = {"flow": str(flow.pk)}
        record(person, "share_link.deleted", flow.workspace_id, ("share_link", link_id), before=before)
