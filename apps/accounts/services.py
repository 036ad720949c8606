"""Operations on people: sign-up, profile, sessions, tokens."""

from __future__ import annotations

import hmac
import secrets
import uuid
from datetime import timedelta
from typing import TypedDict

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts import errors, events, selectors
from apps.accounts.models import ApiToken, Instance, Person
from apps.accounts.types import Scope
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.common.door import is_forged
from apps.common.errors import NotFound
from sage_studio.kernel import SageError

TOKEN_PREFIX = "sage_"  # noqa: S105 - what makes a leaked token recognisable, not a secret
TOKEN_LIMIT = 50
_LAST_USED_EVERY = timedelta(minutes=1)


class NewPerson(TypedDict):
    """What the sign-up form has checked."""

    email: str
    password: str
    name: str
    language: str
    owner_code: str
    invitation: str


def owner_code() -> str | None:
    """The one-time code the first owner signs up with; None when it will not be asked for, because
    someone has claimed the instance or only this machine can reach it."""
    if settings.CONFIG.listens_on_loopback_only:
        return None
    return selectors.instance_get().owner_code or None


def signup_check(*, email: str, owner_code: str, invitation: str) -> None:
    """Whether this sign-up is allowed now. Raises SageError saying what is missing."""
    instance = selectors.instance_get()
    if instance.claimed_at is None:
        _check_owner_code(instance, owner_code)
    elif invitation:
        events.invitations().check(invitation, email)
    elif settings.CONFIG.signup != "open":
        raise SageError(errors.INVITATION_NEEDED)


def _check_owner_code(instance: Instance, given: str) -> None:
    if settings.CONFIG.listens_on_loopback_only:
        return
    normal = given.strip().upper().encode()
    if not hmac.compare_digest(normal, instance.owner_code.encode()):
        raise SageError(errors.OWNER_CODE)


def person_sign_up(new: NewPerson) -> Person:
    """Create a person, claim the instance if it has no owner, and redeem the invitation.

    Raises SageError when the right to sign up is gone by now (two first owners at once).
    """
    with write_transaction():
        selectors.instance_get()
        instance = Instance.objects.select_for_update().get(id=1)
        signup_check(email=new["email"], owner_code=new["owner_code"], invitation=new["invitation"])
        is_first = instance.claimed_at is None
        person = Person.objects.create_user(
            new["email"], new["password"], name=new["name"], language=new["language"], is_admin=is_first
        )
        if is_first:
            instance.claimed_at, instance.owner_code = timezone.now(), ""
            instance.save()
        record(person, "person.signed_up", target=("person", person.pk), after={"is_admin": is_first})
        events.signed_up(person)
        if new["invitation"]:
            events.invitations().redeem(new["invitation"], person)
    return person


class ProfileChange(TypedDict, total=False):
    """What people may change about themselves."""

    name: str
    language: str
    color: int


def person_update(person: Person, change: ProfileChange) -> Person:
    """Save the given fields."""
    for name, value in change.items():
        setattr(person, name, value)
    person.save(update_fields=[*change, "updated_at"])
    return person


def password_changed(person: Person) -> None:
    """Record it and make open sockets check themselves (other sessions die with the old hash)."""
    record(person, "person.password_changed", target=("person", person.pk))
    events.access_changed(person.pk)


def person_set_active(actor: Person, person: Person, *, is_active: bool) -> None:
    """Let someone in again or shut them out, sessions, tokens and sockets included."""
    with write_transaction():
        before = person.is_active
        person.is_active = is_active
        person.save(update_fields=["is_active", "updated_at"])
        record(
            actor, "person.activation_changed", target=("person", person.pk), before=before, after=is_active
        )
        events.access_changed(person.pk)


def token_create(
    person: Person, *, name: str, scopes: list[Scope], expires_in_days: int
) -> tuple[ApiToken, str]:
    """A new token and its secret, which is shown this once."""
    with write_transaction():
        if ApiToken.objects.filter(person=person).count() >= TOKEN_LIMIT:
            raise SageError(errors.TOKEN_LIMIT, {"limit": TOKEN_LIMIT})
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = ApiToken.objects.create(
            person=person,
            name=name,
            prefix=secret[: len(TOKEN_PREFIX) + 6],
            digest=selectors.token_digest(secret),
            scopes=sorted({scope.value for scope in scopes}),
            expires_at=timezone.now() + timedelta(days=expires_in_days),
        )
        record(person, "token.created", target=("token", token.pk), after={"scopes": token.scopes})
    return token, secret


def token_delete(person: Person, token_id: uuid.UUID) -> None:
    """Revoke one of the person's own tokens. Raises NotFound."""
    with write_transaction():
        token = ApiToken.objects.filter(person=person, pk=token_id).first()
        if token is None:
            raise NotFound
        record(person, "token.deleted", target=("token", token.pk))
        token.delete()
        events.access_changed(person.pk)


def token_used(token: ApiToken) -> None:
    """Remember that the token was used, at most once a minute."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _LAST_USED_EVERY)
    if token.last_used_at is None or token.last_used_at < now - _LAST_USED_EVERY:
        ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def visitor_identify(request: HttpRequest) -> tuple[Person, ApiToken | None] | None:
    """Who asks, as the API's authentication tells, in the two ordinary cases: a live token, or a live session
    with proof that our own page asks. None for all others: who they are is for the API to say."""
    if (given := request.META.get("HTTP_AUTHORIZATION")) is not None:
        kind, _, secret = given.partition(" ")
        token = selectors.token_find(secret.strip()) if kind.lower() == "bearer" else None
        if token is None:
            return None
        token_used(token)
        return token.person, token
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    person = selectors.session_person(key) if key else None
    return None if person is None or is_forged(request) else (person, None)
