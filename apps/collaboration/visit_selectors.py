"""Who is in which flow of a workspace right now."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from apps.accounts.models import Person
from apps.collaboration.models import FlowVisit

FRESH = timedelta(seconds=25)
"""Two renewals and a half: a process that died is believed this long."""


def visits_in(workspace_id: uuid.UUID) -> dict[uuid.UUID, list[Person]]:
    """Flow → people who have it open, as they came; people who left the workspace are not shown."""
    visits = (
        FlowVisit.objects.filter(flow__workspace_id=workspace_id, flow__archived_at=None)
        .filter(seen_at__gt=timezone.now() - FRESH, person__memberships__workspace_id=workspace_id)
        .select_related("person")
        .order_by("id")
    )
    found: dict[uuid.UUID, list[Person]] = {}
    for visit in visits:
        found.setdefault(visit.flow_id, []).append(visit.person)
    return found
