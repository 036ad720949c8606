"""Reading notices."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.accounts.models import Person
from apps.notifications.models import Notification


def notification_list(person: Person) -> QuerySet[Notification]:
    """The person's notices; those of workspaces they have left are gone with the membership."""
    mine = Notification.objects.filter(person=person)
    return mine.filter(workspace=None) | mine.filter(workspace__memberships__person=person)


def unread_count(person: Person) -> int:
    """How many the person has not read."""
    return notification_list(person).filter(read_at=None).count()
