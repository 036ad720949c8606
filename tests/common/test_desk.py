"""The desk behind slim doors: shared commits, and whose fault is whose."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import Person
from apps.common.db import write_transaction
from apps.common.desk import Desk, Unanswered, Visit, Work, serve
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def renaming(person: Person, name: str, answer: Callable[[], str] | None = None, locks: str = "") -> Visit:
    """Work that gives somebody a name, and answers it."""

    def write() -> Callable[[], str]:
        Person.objects.filter(pk=person.pk).update(name=name)
        return answer or (lambda: name)

    return Visit(lambda: Work(write, locks))


def names(world: World) -> list[str]:
    return list(
        Person.objects.filter(pk__in=[world.owner.person.pk, world.editor.person.pk])
        .order_by("email")
        .values_list("name", flat=True)
    )


def test_those_who_wait_share_a_commit_unless_they_lock_different_rows(world: World) -> None:
    visits = [renaming(world.editor.person, "Ed", locks="a"), renaming(world.owner.person, "Own", locks="b")]
    with CaptureQueriesContext(connection) as statements:
        serve(visits)
    begun = [one for one in statements if one["sql"].startswith("BEGIN")]
    assert len(begun) == (2 if connection.features.has_select_for_update else 1)
    assert [visit.result for visit in visits] == ["Ed", "Own"]
    assert names(world) == ["Ed", "Own"]


def test_nobody_fails_by_anothers_fault(world: World) -> None:
    tries = []

    def fail() -> Callable[[], str]:
        tries.append(1)
        raise ValueError("mine")

    good, bad = renaming(world.editor.person, "Ed"), Visit(lambda: Work(fail))
    serve([good, bad, declined := Visit(lambda: None)])
    assert (good.result, good.error) == ("Ed", None)
    assert isinstance(bad.error, ValueError)
    assert len(tries) == 2
    assert (declined.result, declined.error) == (None, None)
    assert names(world)[0] == "Ed"


def test_what_cannot_be_read_is_its_visitors(world: World) -> None:
    def refuse() -> None:
        raise KeyError("no")

    bad, good = Visit(refuse), renaming(world.editor.person, "Ed")
    serve([bad, good])
    assert isinstance(bad.error, KeyError)
    assert good.result == "Ed"


def test_what_may_be_on_disk_is_never_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that fails, and a commit that says nothing good: neither is tried again."""

    def speechless() -> str:
        raise ValueError("no words")

    visit = renaming(world.editor.person, "Ed", speechless)
    serve([visit])
    assert isinstance(visit.error, Unanswered)
    assert isinstance(visit.error.__cause__, ValueError)
    assert names(world)[0] == "Ed"

    @contextmanager
    def losing() -> Iterator[None]:
        with write_transaction():
            yield
        raise ConnectionError("nothing was heard")

    monkeypatch.setattr("apps.common.desk.write_transaction", losing)
    visits = [renaming(world.editor.person, "Ned"), renaming(world.owner.person, "Own")]
    serve(visits)
    assert [type(visit.error) for visit in visits] == [Unanswered, Unanswered]
    assert names(world) == ["Ned", "Own"]


async def test_work_is_done_in_threads_of_the_desk() -> None:
    desk = Desk("a-desk")

    def prepare() -> Work[str]:
        return Work(lambda: lambda: threading.current_thread().name)

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(desk.do(prepare)) for _ in range(20)]
    assert {task.result() for task in asked} == {"a-desk"}

    def decline() -> Work[str] | None:
        return None

    def fail() -> Work[str] | None:
        raise ZeroDivisionError

    assert [await desk.do(decline)] == [None]
    with pytest.raises(ZeroDivisionError):
        await desk.do(fail)
