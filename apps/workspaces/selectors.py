"""Reading workspaces, members and invitations."""

from __future__ import annotations

import uuid

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from apps.accounts.models import Person
from apps.workspaces.invitations import id_in
from apps.workspaces.models import Invitation, Membership, Workspace


def workspace_list_for(person: Person) -> QuerySet[Workspace]:
    """The person's workspaces with ``role`` and ``member_count``."""
    members = Membership.objects.filter(workspace=OuterRef("pk")).order_by()
    counted = members.values("workspace").annotate(count=Count("pk")).values("count")
    return Workspace.objects.filter(memberships__person=person).annotate(
        role=F("memberships__role"), member_count=Subquery(counted)
    )


def workspace_get_for(person: Person, workspace_id: uuid.UUID) -> Workspace:
    """One of the person's workspaces with ``role`` and ``member_count``; membership has been checked."""
    return workspace_list_for(person).get(pk=workspace_id)


def member_list(workspace: Workspace) -> QuerySet[Membership]:
    """Members with their people, in the order they joined."""
    return Membership.objects.filter(workspace=workspace).select_related("person")


def invitation_list(workspace: Workspace) -> QuerySet[Invitation]:
    """Invitations that can still be used."""
    return Invitation.objects.filter(workspace=workspace, expires_at__gt=timezone.now())


def invitation_find(token: str) -> Invitation | None:
    """The usable invitation behind a link."""
    invitation_id = id_in(token)
    if invitation_id is None:
        return None
    return (
        Invitation.objects.select_related("workspace", "created_by")
        .filter(pk=invitation_id, expires_at__gt=timezone.now())
        .first()
    )
