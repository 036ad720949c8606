"""Who has which flow open: web processes write it down while it lasts, lists read it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from apps.collaboration.models import FlowVisit
from apps.common.db import write_transaction

RENEW_EVERY_S = 10.0
_FORGET_AFTER = timedelta(hours=1)

Visit = tuple[uuid.UUID, uuid.UUID]
"""(flow, person)"""


def visits_note(here: Iterable[Visit], gone: Iterable[Visit]) -> None:
    """``here`` are in their flows now, as seen from one process; ``gone`` were until a moment ago. Somebody
    who is still there in another process shows again when that one renews."""
    now = timezone.now()
    # One order for all processes, so that no two wait for each other.
    visits = [FlowVisit(flow_id=flow, person_id=person, seen_at=now) for flow, person in sorted(here)]
    with write_transaction():
        for flow, person in sorted(gone):
            FlowVisit.objects.filter(flow_id=flow, person_id=person).delete()
        FlowVisit.objects.bulk_create(
            visits, update_conflicts=True, unique_fields=["flow", "person"], update_fields=["seen_at"]
        )
        FlowVisit.objects.filter(seen_at__lt=now - _FORGET_AFTER).delete()
