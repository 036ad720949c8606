"""A chore is one process's at a time, and another's when that one is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.common import chores
from apps.common.models import Chore

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_chore_that_is_held_or_done_is_nobody_elses() -> None:
    hold = chores.take("sweep", LEASE)
    assert hold is not None
    assert chores.take("sweep", LEASE) is None
    assert chores.take("another", LEASE) is not None
    hold.done(DAY)
    assert chores.take("sweep", LEASE) is None
    Chore.objects.filter(name="sweep").update(due_at=timezone.now())
    assert chores.take("sweep", LEASE) is not None


def test_a_hold_that_was_lost_neither_renews_nor_ends_it() -> None:
    lost = chores.take("sweep", LEASE)
    Chore.objects.update(held_until=timezone.now())
    mine = chores.take("sweep", LEASE)
    assert lost is not None
    assert mine is not None
    assert not lost.renew(LEASE)
    lost.done(DAY)
    assert mine.renew(LEASE)
    assert chores.take("sweep", LEASE) is None
    mine.done(timedelta())
    assert chores.take("sweep", LEASE) is not None
