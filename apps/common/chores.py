"""What is to be done once in a while by one process of all: a row each, with a lease.

Whoever takes a chore that is due holds it until it is ``done``; when its process dies, another may take it
once the lease is over. Two may be at a chore when one takes longer than its lease: chores must bear that.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import models
from django.utils import timezone

from apps.common.db import write_transaction
from apps.common.models import Chore


@dataclass(frozen=True, slots=True)
class Hold:
    """A chore this process has taken."""

    name: str
    token: uuid.UUID

    def renew(self, lease: timedelta) -> bool:
        """Hold it for ``lease`` from now; False when somebody else has taken it meanwhile."""
        with write_transaction():
            return bool(self._mine().update(held_until=timezone.now() + lease))

    def done(self, again_after: timedelta) -> None:
        """Give it back, due again after so long."""
        now = timezone.now()
        with write_transaction():
            self._mine().update(due_at=now + again_after, held_until=now)

    def _mine(self) -> models.QuerySet[Chore]:
        return Chore.objects.filter(name=self.name, holder=self.token)


def take(name: str, lease: timedelta) -> Hold | None:
    """Take the chore when it is due and nobody holds it."""
    hold, now = Hold(name, uuid.uuid4()), timezone.now()
    with write_transaction():
        Chore.objects.bulk_create([Chore(name=name, due_at=now, held_until=now)], ignore_conflicts=True)
        free = Chore.objects.filter(name=name, due_at__lte=now, held_until__lte=now)
        taken = free.update(holder=hold.token, held_until=now + lease)
    return hold if taken else None
