"""Reading people, sessions, tokens and the state of the instance."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.accounts.models import ApiToken, Instance, Person
from apps.common.db import as_id, as_moment, fetch_one, read_id, read_json, read_moment

# What every request needs of a person, in the model's order; the rest is read when somebody asks for it.
_PERSON = ("password", "id", "email", "name", "language", "color", "is_active", "is_admin")
_PERSON_COLUMNS = ", ".join(f"p.{name}" for name in _PERSON)


def instance_get() -> Instance:
    """The one instance row, made on first use (with a fresh owner code)."""
    instance, _ = Instance.objects.get_or_create(id=1)
    return instance


def instance_needs_owner() -> bool:
    """Whether nobody has claimed this instance yet."""
    return instance_get().claimed_at is None


def token_list(person: Person) -> QuerySet[ApiToken]:
    """The person's tokens, expired ones included."""
    return ApiToken.objects.filter(person=person)


def token_digest(secret: str) -> str:
    """How a token is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_find(secret: str) -> ApiToken | None:
    """The live token of an active person that ``secret`` is."""
    row = fetch_one(
        f"""
        SELECT t.id, t.scopes, t.last_used_at, {_PERSON_COLUMNS}
        FROM accounts_apitoken AS t JOIN accounts_person AS p ON p.id = t.person_id
        WHERE t.digest = %s AND t.expires_at > %s AND p.is_active
        """,  # noqa: S608 - only our own constants are put in
        [token_digest(secret), as_moment(timezone.now())],
    )
    if row is None:
        return None
    person = _person(row[3:])
    values = (read_id(row[0]), person.pk, read_json(row[1]), read_moment(row[2]))
    token: ApiToken = ApiToken.from_db("default", ["id", "person_id", "scopes", "last_used_at"], values)
    token.person = person
    return token


def person_signed_in(request: HttpRequest) -> Any:
    """Whose session the request shows, as ``django.contrib.auth.get_user`` tells: a Person or an
    AnonymousUser.

    Every request asks this, so the ordinary case (a live session of an active person) takes two plain
    reads. Whatever is not ordinary is left to Django, which may also have to end the session.
    """
    request.session.accessed = True  # what is answered depends on the cookie; caches are told so
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return (session_person(key) if key else None) or get_user(request)


def session_person(key: str) -> Person | None:
    """The active person whose live session has this key, in the ordinary case; None leaves it to Django."""
    statement = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > %s"
    stored = fetch_one(statement, [key, as_moment(timezone.now())])
    if stored is None:
        return None
    facts = _session_facts(stored[0])
    if facts is None:
        return None
    person_id, backend, signature = facts
    row = fetch_one(
        f"SELECT {_PERSON_COLUMNS} FROM accounts_person AS p WHERE p.id = %s",  # noqa: S608 - our own constants
        [as_id(person_id)],
    )
    if row is None or backend not in settings.AUTHENTICATION_BACKENDS:
        return None
    person = _person(row)
    same = constant_time_compare(signature, person.get_session_auth_hash())
    return person if same and person.is_active else None


@lru_cache(maxsize=1024)
def _session_facts(data: str) -> tuple[uuid.UUID, str, str] | None:
    """Whose session it is, how they signed in, and the signature of their password then. What is kept is
    only what the signed text itself says; whether it still holds is asked each time."""
    session = SessionStore().decode(data)
    try:
        return uuid.UUID(session[SESSION_KEY]), session[BACKEND_SESSION_KEY], session[HASH_SESSION_KEY]
    except (KeyError, ValueError, TypeError):
        return None


def _person(values: tuple[Any, ...]) -> Person:
    found = (values[0], read_id(values[1]), *values[2:6], *map(bool, values[6:]))
    person: Person = Person.from_db("default", _PERSON, found)
    return person
