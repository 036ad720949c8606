"""What the workspaces app tells higher apps.

``member.role_changed`` {workspace_id, person_id, role|null} and ``workspace.deleted``
{workspace_id} go through the outbox. Creation is told at once, in the creating transaction, so
that a new workspace is never seen without its ready flows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from apps.accounts.models import Person
from apps.common.events import emit
from apps.workspaces.models import Workspace
from apps.workspaces.types import Role

MEMBER_ROLE_CHANGED = "member.role_changed"
WORKSPACE_DELETED = "workspace.deleted"

Created = Callable[[Workspace, Person], object]
_created: list[Created] = []


def on_created(handler: Created) -> None:
    """Call ``handler(workspace, person)`` inside each transaction that creates a workspace."""
    if handler not in _created:
        _created.append(handler)


def created(workspace: Workspace, person: Person) -> None:
    """Tell everyone registered."""
    for handler in _created:
        handler(workspace, person)


def role_changed(workspace_id: uuid.UUID, person_id: uuid.UUID, role: Role | None) -> None:
    """Emit ``member.role_changed`` in the current transaction."""
    emit(
        MEMBER_ROLE_CHANGED,
        {
            "workspace_id": str(workspace_id),
            "person_id": str(person_id),
            "role": role.value if role else None,
        },
    )
