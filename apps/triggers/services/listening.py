"""Listening for one call of a test address, from the editor."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from apps.accounts.models import Person
from apps.common.db import write_transaction
from apps.triggers.models import Trigger
from apps.triggers.types import LISTEN_S
from apps.workspaces.policies import require
from apps.workspaces.types import Action


def listening_begin(person: Person, trigger: Trigger) -> datetime:
    """The next call of the test address starts the draft in this person's name; until when.

    Raises Forbidden and NotFound.
    """
    until = timezone.now() + timedelta(seconds=LISTEN_S)
    with write_transaction():
        require(person, trigger.workspace_id, Action.RUN_START)
        Trigger.objects.filter(pk=trigger.pk).update(listening_until=until, listener=person)
    return until


def listening_stop(person: Person, trigger: Trigger) -> None:
    """Raises Forbidden and NotFound."""
    with write_transaction():
        require(person, trigger.workspace_id, Action.RUN_START)
        Trigger.objects.filter(pk=trigger.pk).update(listening_until=None)
