"""What a trigger could not start is on record."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from apps.common.db import write_transaction
from apps.triggers.models import Trigger
from sage_studio.kernel import SageError


def refusal_note(trigger: Trigger, error: SageError) -> None:
    """Keep the newest refusal, and count it."""
    with write_transaction():
        Trigger.objects.filter(pk=trigger.pk).update(
            refusals=F("refusals") + 1, last_error=error.problem(), last_error_at=timezone.now()
        )
