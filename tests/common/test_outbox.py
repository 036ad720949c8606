"""Domain events: at least once, retried, dead in the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.common import events, failpoints, outbox
from apps.common.models import OutboxEvent
from sage_studio.kernel import JsonObject


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[JsonObject]:
    received: list[JsonObject] = []
    monkeypatch.setattr(events, "_handlers", {"test.happened": {"listener": received.append}})
    return received


@pytest.fixture(autouse=True)
def _no_failpoints() -> Iterator[None]:
    yield
    failpoints.configure("")


def make_due() -> None:
    OutboxEvent.objects.update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_an_event_reaches_its_handler_once_it_is_delivered(heard: list[JsonObject]) -> None:
    events.emit("test.happened", {"n": 1})
    assert heard == []
    assert outbox.deliver_due() == 1
    assert heard == [{"n": 1}]
    assert outbox.deliver_due() == 0
    assert OutboxEvent.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
def test_an_event_of_a_transaction_that_failed_never_was(heard: list[JsonObject]) -> None:
    with transaction.atomic():
        events.emit("test.happened", {"n": 1})
        transaction.set_rollback(True)
    assert outbox.deliver_due() == 0
    assert heard == []


@pytest.mark.django_db
def test_a_topic_nobody_listens_to_costs_no_row(heard: list[JsonObject]) -> None:
    events.emit("test.unheard", {})
    assert not OutboxEvent.objects.exists()


@pytest.mark.django_db
def test_a_failing_handler_is_tried_again_later_and_dies_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: JsonObject) -> None:
        raise ValueError("no")

    monkeypatch.setattr(events, "_handlers", {"test.happened": {"listener": fail}})
    events.emit("test.happened", {})
    outbox.deliver_due()
    row = OutboxEvent.objects.get()
    assert (row.state, row.attempts, row.last_error) == ("waiting", 1, "ValueError: no")
    assert row.due_at > timezone.now()
    assert outbox.deliver_due() == 0
    for _ in range(outbox.MAX_ATTEMPTS - 1):
        make_due()
        outbox.deliver_due()
    assert OutboxEvent.objects.get().state == "dead"
    make_due()
    assert outbox.deliver_due() == 0


@pytest.mark.django_db
def test_one_failing_handler_does_not_repeat_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def fail(_: JsonObject) -> None:
        heard.append("bad")
        raise ValueError

    handlers = {"good": lambda _: heard.append("good"), "bad": fail}
    monkeypatch.setattr(events, "_handlers", {"test.happened": handlers})
    events.emit("test.happened", {})
    outbox.deliver_due()
    make_due()
    outbox.deliver_due()
    assert sorted(heard) == ["bad", "bad", "good"]


@pytest.mark.django_db
def test_a_delivery_that_died_before_it_was_marked_happens_again(heard: list[JsonObject]) -> None:
    """The fail point stands between the handler and the mark, where a killed worker would stop."""
    failpoints.configure("outbox.delivered:error@1")
    events.emit("test.happened", {"n": 1})
    outbox.deliver_due()
    make_due()
    outbox.deliver_due()
    assert heard == [{"n": 1}, {"n": 1}]
    assert OutboxEvent.objects.get().state == "done"


@pytest.mark.django_db
def test_a_claimed_event_belongs_to_one_deliverer_until_its_lease_ends(heard: list[JsonObject]) -> None:
    events.emit("test.happened", {})
    assert len(outbox._claim(10)) == 1
    assert outbox._claim(10) == []
    OutboxEvent.objects.update(due_at=timezone.now())
    assert len(outbox._claim(10)) == 1


def test_pauses_double_up_to_ten_minutes() -> None:
    pauses = [outbox.pause_after(n).total_seconds() for n in (1, 2, 3, 10, 30)]
    assert pauses == [1, 2, 4, 512, 600]


@pytest.mark.django_db
def test_delivered_events_are_forgotten_after_a_week(heard: list[JsonObject]) -> None:
    events.emit("test.happened", {})
    outbox.deliver_due()
    outbox.sweep()
    assert OutboxEvent.objects.count() == 1
    OutboxEvent.objects.update(finished_at=timezone.now() - timedelta(days=8))
    outbox.sweep()
    assert OutboxEvent.objects.count() == 0
