"""Adding to the audit trail."""

from __future__ import annotations

import uuid
from typing import Protocol

from django.utils import timezone

from apps.audit.chain import digest_of
from apps.audit.models import AuditChain, AuditEntry
from apps.common.context import origin
from apps.common.db import write_transaction
from sage_studio.kernel import Json, JsonObject

INSTANCE = "instance"


class Actor(Protocol):
    """A person, as far as the trail cares."""

    @property
    def pk(self) -> uuid.UUID: ...

    @property
    def email(self) -> str: ...


def record(  # noqa: PLR0917 - who, what, where, on what, before, after: called everywhere, read as a sentence
    actor: Actor | None,
    action: str,
    workspace_id: uuid.UUID | None = None,
    target: tuple[str, object] | None = None,
    before: Json = None,
    after: Json = None,
    request_meta: JsonObject | None = None,
) -> AuditEntry:
    """Append an entry in the caller's transaction.

    ``target`` is (kind, id); ``before`` and ``after`` hold no secrets; ``request_meta`` says from
    where, by default the current request. ``actor`` None means the system itself.
    """
    scope = str(workspace_id) if workspace_id else INSTANCE
    with write_transaction():
        AuditChain.objects.get_or_create(scope=scope)
        chain = AuditChain.objects.select_for_update().get(scope=scope)
        entry = AuditEntry(
            scope=scope,
            seq=chain.seq + 1,
            at=timezone.now(),
            actor_id=actor.pk if actor else None,
            actor_email=actor.email if actor else "",
            action=action,
            workspace_id=workspace_id,
            target_type=target[0] if target else "",
            target_id=str(target[1]) if target else "",
            before=before,
            after=after,
            origin=request_meta if request_meta is not None else origin(),
            previous=chain.head,
        )
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
        chain.seq, chain.head = entry.seq, entry.digest
        chain.save(update_fields=["seq", "head"])
    return entry
