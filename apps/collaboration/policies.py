"""Who may open a document's socket, and whether they still may."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.accounts.models import ApiToken, Person
from apps.collaboration.rooms.socket import Close, Who
from apps.common.errors import Forbidden, NotFound, NotSignedIn
from apps.flows.models import Flow
from apps.workspaces.models import Membership
from apps.workspaces.policies import may, require_in_scope
from apps.workspaces.types import Action, Role


@dataclass(frozen=True, slots=True)
class Passport:
    """What a socket's rights rest on. ``read_only`` marks a token that may not write."""

    who: Who
    workspace_id: uuid.UUID
    role: str
    session_key: str | None
    session_hash: str
    token_id: uuid.UUID | None
    read_only: bool


def may_edit(role: str) -> bool:
    """Whether a role may change flows."""
    return may(Role(role), Action.FLOW_EDIT)


def admit(scope: Mapping[str, Any], flow_id: uuid.UUID) -> Passport:
    """Check a new connection. Raises NotSignedIn, NotFound or Forbidden."""
    if not isinstance(scope.get("user"), Person):
        raise NotSignedIn
    flow = Flow.objects.filter(pk=flow_id, archived_at=None).only("workspace_id").first()
    if flow is None:
        raise NotFound
    role = require_in_scope(scope, flow.workspace_id, Action.FLOW_VIEW)
    token: ApiToken | None = scope.get("token")
    read_only = token is not None and not _token_may_edit(scope, flow.workspace_id)
    person: Person = scope["user"]
    session = None if token is not None else scope["session"]
    return Passport(
        who=Who(person.pk, person.name, person.color),
        workspace_id=flow.workspace_id,
        role=_shown(role, read_only=read_only),
        session_key=session.session_key if session is not None else None,
        session_hash=session.get(HASH_SESSION_KEY, "") if session is not None else "",
        token_id=token.pk if token is not None else None,
        read_only=read_only,
    )


def _token_may_edit(scope: Mapping[str, Any], workspace_id: uuid.UUID) -> bool:
    try:
        require_in_scope(scope, workspace_id, Action.FLOW_EDIT)
    except Forbidden:
        return False
    return True


def _shown(role: Role, *, read_only: bool) -> str:
    return Role.VIEWER.value if read_only else role.value


def standings(passports: Sequence[Passport]) -> dict[Passport, str | int]:
    """The role behind each passport now, or the close code when it no longer holds.

    Four queries however many sockets there are: this runs every second.
    """
    now = timezone.now()
    ids = {p.who.person_id for p in passports}
    people = {person.pk: person for person in Person.objects.filter(pk__in=ids, is_active=True)}
    roles = {
        (m.person_id, m.workspace_id): Role(m.role)
        for m in Membership.objects.filter(
            person_id__in=people, workspace_id__in={p.workspace_id for p in passports}
        )
    }
    keys = {p.session_key for p in passports if p.session_key}
    live = Session.objects.filter(session_key__in=keys, expire_date__gt=now)
    sessions = set(live.values_list("session_key", flat=True))
    shown = {p.token_id for p in passports if p.token_id}
    tokens = set(ApiToken.objects.filter(pk__in=shown, expires_at__gt=now).values_list("pk", flat=True))
    found: dict[Passport, str | int] = {}
    for passport in passports:
        person = people.get(passport.who.person_id)
        role = roles.get((passport.who.person_id, passport.workspace_id))
        if person is None or not _signed_in(passport, person, sessions, tokens):
            found[passport] = Close.SIGNED_OUT
        elif role is None:
            found[passport] = Close.FORBIDDEN
        else:
            found[passport] = _shown(role, read_only=passport.read_only)
    return found


def _signed_in(passport: Passport, person: Person, sessions: set[str], tokens: set[uuid.UUID]) -> bool:
    if passport.token_id is not None:
        return passport.token_id in tokens
    return passport.session_key in sessions and constant_time_compare(
        passport.session_hash, person.get_session_auth_hash()
    )
