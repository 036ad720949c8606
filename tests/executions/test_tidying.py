"""Old runs and values nobody names are removed, nothing else is, and a kill on the way loses nothing."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.common.models import Chore
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.services import runs_forget
from apps.executions.tidying import tidy
from apps.files import disk
from apps.files.models import Blob
from apps.files.services import Draft, artifact_write, blob_put, blobs_collect, file_delete, kept_value_set
from apps.flows.models import Flow
from apps.workspaces.services import keep_runs_days_set
from tests.executions.flows import definition, make_flow, start
from tests.executions.zygote import Zygote
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
OLD = timedelta(days=91)


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def flow(people: World) -> Flow:
    return make_flow(
        people.editor.person, people.workspace, definition([{"id": "a", "type": "manual_trigger"}])
    )


def ended(flow: Flow, people: World, *, ago: timedelta = OLD, state: str = "completed", **more: Any) -> Run:
    """A run that ended some time ago, with a node and an event."""
    run = start(people.editor.person, flow)
    NodeRun.objects.create(run=run, node_id="a", attempt=1, state="completed", outputs={"value": 1})
    changes = {"state": state, "finished_at": timezone.now() - ago, **more}
    Run.objects.filter(pk=run.pk).update(**changes)
    return run


def is_there(run: Run) -> bool:
    return Run.objects.filter(pk=run.pk).exists()


def put(people: World, content: bytes, *, ago: timedelta = timedelta(days=2)) -> str:
    """A value that was put some time ago."""
    key = blob_put(people.workspace.pk, content, "application/json")
    age(people, key, ago)
    return key


def age(people: World, key: str, ago: timedelta) -> None:
    then = timezone.now() - ago
    Blob.objects.filter(sha256=digest(key)).update(touched_at=then)
    os.utime(path(people, key), (then.timestamp(), then.timestamp()))


def digest(key: str) -> str:
    return key.removeprefix("sha256:")


def path(people: World, key: str) -> Path:
    return disk.path_of(people.workspace.pk, digest(key))


def kept(people: World, *keys: str) -> list[bool]:
    return [Blob.objects.filter(sha256=digest(key)).exists() and path(people, key).is_file() for key in keys]


def test_runs_that_ended_long_ago_go_with_all_their_rows(people: World, flow: Flow) -> None:
    old = [ended(flow, people, state=state) for state in ("completed", "failed", "cancelled")]
    young = ended(flow, people, ago=timedelta(days=89))
    paused = ended(flow, people, state="paused")
    assert runs_forget(at_once=2) == 3
    assert [is_there(run) for run in (*old, young, paused)] == [False, False, False, True, True]
    assert set(NodeRun.objects.values_list("run_id", flat=True)) == {young.pk, paused.pk}
    assert not RunEvent.objects.filter(run__in=old).exists()
    assert runs_forget() == 0


def test_a_workspace_says_how_long_and_may_keep_all(people: World, flow: Flow) -> None:
    run = ended(flow, people)
    keep_runs_days_set(people.owner.person, people.workspace, days=0)
    assert runs_forget() == 0
    keep_runs_days_set(people.owner.person, people.workspace, days=92)
    assert runs_forget() == 0
    keep_runs_days_set(people.owner.person, people.workspace, days=30)
    assert runs_forget() == 1
    assert not is_there(run)


def test_a_run_somebody_may_still_need_stays(people: World, flow: Flow) -> None:
    parent = ended(flow, people, state="running", finished_at=None)
    child = ended(flow, people, parent_run=parent, parent_path="sub||flow@1")
    repeated, again = ended(flow, people), start(people.editor.person, flow)
    Run.objects.filter(pk=again.pk).update(retry_of=repeated.pk)
    assert runs_forget() == 0
    Run.objects.filter(pk=parent.pk).update(state="completed", finished_at=timezone.now() - OLD)
    assert runs_forget() == 2
    assert [is_there(run) for run in (parent, child, repeated)] == [False, False, True]


def test_values_nobody_names_go_and_all_others_stay(people: World, flow: Flow) -> None:
    run = ended(flow, people, ago=timedelta(0))
    piece = put(people, b'"a piece of a stream"')
    state = put(people, b'{"pieces": ["%s"]}' % piece.encode())
    nodes = NodeRun.objects.filter(run=run)
    nodes.update(outputs={"$checkpoint": {"$blob": state, "size_bytes": 9, "mime": "application/json"}})
    remembered = put(people, b'"remembered"')
    kept_value_set(people.workspace.pk, flow.pk, "last", {"key": remembered})
    unnamed, young = put(people, b'"unnamed"'), put(people, b'"young"', ago=timedelta(hours=23))
    again = put(people, b'"put again"')
    blob_put(people.workspace.pk, b'"put again"')
    assert blobs_collect() == 1
    assert kept(people, piece, state, remembered, young, again) == [True] * 5
    assert kept(people, unnamed) == [False]
    nodes.update(outputs={})
    assert blobs_collect() == 2
    assert kept(people, piece, state, remembered) == [False, False, True]


def test_content_that_is_a_file_as_well_stays_as_long_as_the_file(people: World) -> None:
    key = put(people, b"both")
    with Draft() as draft:
        draft.write(b"both")
        file = artifact_write(
            people.workspace.pk, run_id=uuid.uuid4(), name="b.txt", mime="text/plain", draft=draft
        )
    age(people, key, timedelta(days=2))
    assert blobs_collect() == 0
    file_delete(people.editor.person, people.workspace, file.pk)
    assert blobs_collect() == 1
    assert kept(people, key) == [False]


def test_a_value_put_again_while_it_is_swept_stays(people: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look for names and the sweep somebody puts it, and will name it."""
    from apps.files.services import collecting

    key = put(people, b'"again"')
    look = collecting._named

    def look_and_put() -> set[bytes]:
        found = look()
        blob_put(people.workspace.pk, b'"again"')
        return found

    monkeypatch.setattr(collecting, "_named", look_and_put)
    assert blobs_collect() == 0
    assert kept(people, key) == [True]


@pytest.fixture(scope="module")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Zygote]]:
    """Started by the first test that needs it, when the test database is there."""
    started: list[Zygote] = []
    yield started
    for each in started:
        each.close()


@pytest.mark.kill
@pytest.mark.timeout(400)
@pytest.mark.parametrize("point", ["tidy.runs", "tidy.runs_gone", "tidy.blobs", "tidy.content"])
def test_a_kill_on_the_way_loses_nothing_and_the_next_time_finishes(
    people: World, flow: Flow, zygote: list[Zygote], tmp_path: Path, point: str
) -> None:
    if not zygote:
        zygote.append(Zygote(tmp_path / "zygote.log"))
    value, mine = put(people, b'"of the old run"'), put(people, b'"of the young run"')
    old, young = ended(flow, people), ended(flow, people, ago=timedelta(days=1))
    NodeRun.objects.filter(run=old).update(outputs={"value": {"$blob": value}})
    NodeRun.objects.filter(run=young).update(outputs={"value": {"$blob": mine}})
    assert zygote[0].run(f"{point}:kill@1", "tidy") == -signal.SIGKILL
    # A run is there with all its rows and values, or not at all.
    assert is_there(old) == NodeRun.objects.filter(run=old).exists()
    assert not is_there(old) or kept(people, value) == [True]
    # Nobody else is at it until the lease of the dead one is over, and then one of two.
    assert not tidy()
    Chore.objects.update(held_until=timezone.now())
    assert tidy()
    assert not tidy()
    assert not is_there(old)
    assert not Blob.objects.filter(sha256=digest(value)).exists()
    assert not path(people, value).exists()
    assert kept(people, mine) == [True]
    assert NodeRun.objects.filter(run=young).count() == 1
