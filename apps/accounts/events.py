"""How higher apps take part in sign-up, and how everyone learns that someone's access changed.

Sign-up is synchronous (the first page must show a workspace), so these are plain registries
filled at start-up, not outbox events.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Protocol

from apps.accounts.models import Person
from apps.common.bus import publish_on_commit

ACCESS_CHANNEL = "people"


class Invitations(Protocol):
    """Checks and redeems invitation tokens (``apps.workspaces``)."""

    def check(self, token: str, email: str) -> None:
        """Raise SageError when the token cannot be used by this address."""

    def redeem(self, token: str, person: Person) -> None:
        """Make the person a member; in the sign-up's transaction."""


_invitations: list[Invitations] = []
_signed_up: list[Callable[[Person], object]] = []


def use_invitations(provider: Invitations) -> None:
    """Register who knows invitations."""
    _invitations[:] = [provider]


def invitations() -> Invitations:
    """The registered provider."""
    return _invitations[0]


def on_signed_up(handler: Callable[[Person], object]) -> None:
    """Call ``handler`` with each new person, inside the transaction that creates them."""
    if handler not in _signed_up:
        _signed_up.append(handler)


def signed_up(person: Person) -> None:
    """Tell everyone registered."""
    for handler in _signed_up:
        handler(person)


def access_changed(person_id: uuid.UUID) -> None:
    """Hint every process, after commit, to check this person's open sockets again."""
    publish_on_commit(ACCESS_CHANNEL, str(person_id).encode())
