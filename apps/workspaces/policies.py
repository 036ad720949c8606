"""The one permission policy: which role may do what. HTTP, WebSocket and console ask here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from apps.accounts.models import Person
from apps.common.errors import Forbidden, NotFound
from apps.workspaces.models import Membership
from apps.workspaces.types import Action, Role

_VIEWER = frozenset(
    {
        Action.FLOW_VIEW,
        Action.RUN_VIEW,
        Action.VERSION_VIEW,
        Action.TEMPLATE_VIEW,
        Action.MEMBER_VIEW,
        Action.FILE_VIEW,
        Action.CREDENTIAL_VIEW,
        Action.WORKSPACE_VIEW,
    }
)
_EDITOR = _VIEWER | {
    Action.FLOW_EDIT,
    Action.VERSION_COMMIT,
    Action.RUN_START,
    Action.RUN_CONTROL,
    Action.TEMPLATE_INSTALL,
    Action.FILE_WRITE,
    Action.CREDENTIAL_USE,
}
_OWNER = _EDITOR | {
    Action.VERSION_PUBLISH,
    Action.CREDENTIAL_MANAGE,
    Action.TEMPLATE_PUBLISH,
    Action.MEMBER_MANAGE,
    Action.WORKSPACE_MANAGE,
    Action.AUDIT_VIEW,
}
ROLE_TABLE: Mapping[Role, frozenset[Action]] = {Role.VIEWER: _VIEWER, Role.EDITOR: _EDITOR, Role.OWNER: _OWNER}


def may(role: Role | None, action: Action | str) -> bool:
    """Whether a role allows an action; no role allows nothing."""
    return role is not None and Action(action) in ROLE_TABLE[role]


def role_of(person: Person, workspace_id: uuid.UUID) -> Role | None:
    """The person's role now, read from the database; None for strangers and deactivated people."""
    if not person.is_active:
        return None
    found = Membership.objects.filter(person_id=person.pk, workspace_id=workspace_id).values_list("role", flat=True)
    role = found.first()
    return None if role is None else Role(role)


def require(person: Person, workspace_id: uuid.UUID, action: Action | str) -> Role:
    """The person's role, if it allows ``action``. Raises NotFound for strangers, Forbidden for too low a role."""
    role = role_of(person, workspace_id)
    if role is None:
        raise NotFound()
    if not may(role, action):
        raise Forbidden()
    return role
