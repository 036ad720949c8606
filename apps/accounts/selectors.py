"""Reading people, tokens and the state of the instance."""

from __future__ import annotations

import hashlib

from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import ApiToken, Instance, Person


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
    return (
        ApiToken.objects.select_related("person")
        .filter(digest=token_digest(secret), expires_at__gt=timezone.now(), person__is_active=True)
        .first()
    )
