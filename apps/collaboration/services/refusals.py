"""Refused writes in the audit log."""

from __future__ import annotations

import uuid

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.flows.models import Flow


def refusal_record(*, flow_id: uuid.UUID, person_id: uuid.UUID, reason: str) -> None:
    """Note that a client tried to write what it may not."""
    flow = Flow.objects.filter(pk=flow_id).first()
    person = Person.objects.filter(pk=person_id).first()
    if flow is None:
        return
    with write_transaction():
        target = ("flow", flow_id)
        record(person, "document.write_refused", flow.workspace_id, target, after={"reason": reason})
