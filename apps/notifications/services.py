"""Sending and reading notices."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from apps.accounts.models import Person
from apps.common.bus import publish_on_commit
from apps.common.db import write_transaction
from apps.notifications.models import Notification
from apps.workspaces.models import Membership
from sage_studio.kernel import Text

TITLE_LIMIT = 200
BODY_LIMIT = 4000


def _cut(text: Text, limit: int) -> Text:
    return Text(en=text["en"][:limit], zh=text["zh"][:limit])


def notify(
    person_ids: Iterable[uuid.UUID],
    *,
    kind: str,
    title: Text,
    body: Text | None = None,
    link: str = "",
    workspace_id: uuid.UUID | None = None,
    dedupe_key: str | None = None,
) -> int:
    """Tell people something; returns how many are told for the first time.

    With a workspace, people who are not (or no longer) its members are left out. With a
    ``dedupe_key`` (an effect's idempotency key) a second call changes nothing.
    """
    content = {
        "kind": kind,
        "title": _cut(title, TITLE_LIMIT),
        "body": _cut(body or Text(en="", zh=""), BODY_LIMIT),
        "link": link,
        "workspace_id": workspace_id,
    }
    with write_transaction():
        people = Person.objects.filter(pk__in=list(person_ids), is_active=True)
        if workspace_id is not None:
            people = people.filter(memberships__workspace_id=workspace_id)
        told = [person.pk for person in people if _tell(person, content, dedupe_key)]
        for person_id in told:
            publish_on_commit(f"notices:{person_id}", b"")
    return len(told)


def _tell(person: Person, content: dict[str, Any], dedupe_key: str | None) -> bool:
    if dedupe_key is None:
        Notification.objects.create(person=person, **content)
        return True
    _, is_new = Notification.objects.get_or_create(person=person, dedupe_key=dedupe_key, defaults=content)
    return is_new


def notify_workspace(
    workspace_id: uuid.UUID,
    *,
    kind: str,
    title: Text,
    body: Text | None = None,
    link: str = "",
    dedupe_key: str | None = None,
) -> int:
    """Tell every member of a workspace."""
    members = Membership.objects.filter(workspace_id=workspace_id).values_list("person_id", flat=True)
    return notify(
        list(members),
        kind=kind,
        title=title,
        body=body,
        link=link,
        workspace_id=workspace_id,
        dedupe_key=dedupe_key,
    )


def notifications_read(person: Person, ids: list[uuid.UUID] | None) -> int:
    """Mark the person's notices (all, or these) as read; returns how many were unread."""
    unread = Notification.objects.filter(person=person, read_at=None)
    if ids is not None:
        unread = unread.filter(pk__in=ids)
    return unread.update(read_at=timezone.now())
