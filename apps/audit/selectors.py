"""Reading and checking the audit trail."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.audit.chain import digest_of
from apps.audit.models import AuditChain, AuditEntry


def entry_list(workspace_id: uuid.UUID) -> QuerySet[AuditEntry]:
    """The entries of a workspace; the caller has checked the right to see them."""
    return AuditEntry.objects.filter(workspace_id=workspace_id)


def first_broken(scope: str) -> int | None:
    """The seq of the first entry that was changed, removed or put out of order; None when the chain holds."""
    previous, expected = "0" * 64, 1
    for entry in AuditEntry.objects.filter(scope=scope).order_by("seq").iterator():
        if entry.seq != expected or entry.previous != previous or entry.digest != digest_of(entry):
            return expected
        previous, expected = entry.digest, expected + 1
    head = AuditChain.objects.filter(scope=scope).first()
    if head is not None and (head.seq, head.head) != (expected - 1, previous):
        return expected
    return None
