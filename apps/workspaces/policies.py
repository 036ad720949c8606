"""The one permission policy: which role may do what. HTTP, WebSocket and console ask here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.accounts.models import ApiToken, Person
from apps.accounts.types import Scope
from apps.common.db import as_id, fetch_one
from apps.common.errors import Forbidden, NotFound, NotSignedIn
from apps.workspaces.models import Workspace
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
        Action.PLUGIN_VIEW,
        Action.WORKSPACE_VIEW,
        Action.COMMENT_WRITE,
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
    Action.PLUGIN_MANAGE,
    Action.TEMPLATE_PUBLISH,
    Action.MEMBER_MANAGE,
    Action.WORKSPACE_MANAGE,
    Action.AUDIT_VIEW,
    Action.FLOW_SHARE,
}
ROLE_TABLE: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: _VIEWER,
    Role.EDITOR: _EDITOR,
    Role.OWNER: _OWNER,
}


def may(role: Role | None, action: Action | str) -> bool:
    """Whether a role allows an action; no role allows nothing."""
    return role is not None and Action(action) in ROLE_TABLE[role]


def role_of(person: Person, workspace_id: uuid.UUID) -> Role | None:
    """The person's role now, read from the database; None for strangers and deactivated people."""
    if not person.is_active:
        return None
    row = fetch_one(
        "SELECT role FROM workspaces_membership WHERE person_id = %s AND workspace_id = %s",
        [as_id(person.pk), as_id(workspace_id)],
    )
    return None if row is None else Role(row[0])


def require(person: Person, workspace_id: uuid.UUID, action: Action | str) -> Role:
    """The person's role, if it allows ``action``. Raises NotFound for strangers, else Forbidden."""
    role = role_of(person, workspace_id)
    if role is None:
        raise NotFound
    if not may(role, action):
        raise Forbidden
    return role


def sees_values(role: Role, workspace_id: uuid.UUID) -> bool:
    """Whether somebody of this role sees what runs take and give: all but viewers whose owner hid it."""
    if role is not Role.VIEWER:
        return True
    return Workspace.objects.filter(pk=workspace_id, viewers_see_values=True).exists()


def require_in_scope(scope: Mapping[str, Any], workspace_id: uuid.UUID, action: Action | str) -> Role:
    """The same for a WebSocket, at connect and per message: the session must still be signed in (or
    the token still exist and allow ``action``), and the role is read anew.

    Raises NotSignedIn, NotFound or Forbidden.
    """
    person = scope.get("user")
    if not isinstance(person, Person):
        raise NotSignedIn
    if (token := scope.get("token")) is not None:
        # The person of the scope is as old as the socket.
        live = ApiToken.objects.filter(pk=token.pk, expires_at__gt=timezone.now(), person__is_active=True)
        if not live.exists():
            raise NotSignedIn
        require_token(token, action)
    elif not _session_is_live(scope["session"], person):
        raise NotSignedIn
    return require(person, workspace_id, action)


def _session_is_live(session: SessionBase, person: Person) -> bool:
    """Whether the session row still exists for this person with the current password."""
    key = session.session_key
    store = import_module(settings.SESSION_ENGINE).SessionStore
    current = Person.objects.filter(pk=person.pk, is_active=True).first()
    if key is None or current is None:
        return False
    stored = store(key).load()
    same_person = stored.get(SESSION_KEY) == str(person.pk)
    return same_person and constant_time_compare(
        stored.get(HASH_SESSION_KEY, ""), current.get_session_auth_hash()
    )


_SCOPE_OF: Mapping[Action, Scope] = {
    **dict.fromkeys(_VIEWER, Scope.READ),
    **dict.fromkeys(_EDITOR - _VIEWER, Scope.WRITE),
    **dict.fromkeys(_OWNER - _EDITOR, Scope.MANAGE),
    Action.COMMENT_WRITE: Scope.WRITE,
    Action.RUN_START: Scope.RUN,
    Action.RUN_CONTROL: Scope.RUN,
    Action.VERSION_PUBLISH: Scope.WRITE,
    Action.AUDIT_VIEW: Scope.MANAGE,
}


def token_may(token: ApiToken, action: Action | str) -> bool:
    """Whether a token's scopes include ``action`` (the person's role is a separate question)."""
    return _SCOPE_OF[Action(action)].value in token.scopes


def require_token(token: ApiToken, action: Action | str) -> None:
    """Raises Forbidden when the token's scopes do not include ``action``."""
    if not token_may(token, action):
        raise Forbidden
