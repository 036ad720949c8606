"""Heavy nodes as rows that any worker of their queue does: equal results, lost workers, cancellation,
sealed values, adoption by whoever takes the run over."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from apps.credentials.services import credential_create
from apps.executions.adapters import jobs
from apps.executions.adapters.job_frames import read_answer
from apps.executions.adapters.jobs import JobPlan
from apps.executions.adapters.sealing import CannotOpen, seal, unseal
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeJob, NodeRun, Run, RunEvent
from apps.executions.services import run_cancel
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from tests.executions.conftest import CALM
from tests.executions.flows import add_for_this_test, definition, make_flow, start, wait_for
from tests.executors.flows import FLOWS, TEST_NODES
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TRIGGER = {"id": "start_a1", "type": "manual_trigger"}


@pytest.fixture
def people(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    add_for_this_test(monkeypatch, TEST_NODES.values())
    return make_world()


@pytest.fixture
def home(people: World) -> Iterator[RunWorker]:
    """A worker that runs flows and does no jobs."""
    running = RunWorker(times=CALM, node_threads=2, queues=())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def helper(people: World) -> Iterator[RunWorker]:
    """A worker that does jobs and claims no runs."""
    running = RunWorker(times=CALM, node_threads=2, queues=("default", "cpu"), max_runs=0)
    running.start()
    yield running
    running.stop()


def heavy(*nodes: dict[str, Any], edges: list[str] | None = None) -> dict[str, Any]:
    return definition([TRIGGER, *nodes], edges, settings={"executor": "celery"})


def node(id_: str, type_: str, **config: Any) -> dict[str, Any]:
    return {"id": id_, "type": type_, "config": config}


def run_to_end(people: World, body: dict[str, Any]) -> Run:
    flow = make_flow(people.editor.person, people.workspace, body)
    return wait_for(start(people.editor.person, flow).pk, wait_s=120)


def keep_secret(people: World) -> None:
    credential_create(
        people.owner.person,
        people.workspace,
        name="key",
        kind=BUILTIN_KINDS["api_key"],
        fields={"api_key": "s3cret-value"},
        allowed_hosts=[],
    )


def left_by(run: Run) -> tuple[Any, ...]:
    """What a run leaves behind but times and keys that name the run itself."""
    fields = ("node_id", "iteration_path", "attempt", "state", "outputs", "error")
    rows = (
        NodeRun.objects.filter(run=run).order_by("node_id", "iteration_path", "attempt").values_list(*fields)
    )
    said = RunEvent.objects.filter(run=run, type="log").order_by("node_id", "iteration_path", "seq")
    lines = list(said.values_list("node_id", "iteration_path", "data"))
    whole = json.dumps([run.state, run.outputs, run.error, list(rows), lines], default=str)
    return tuple(json.loads(whole.replace(str(run.pk), "RUN")))


def outputs_of(run: Run) -> dict[str, Any]:
    assert run.outputs is not None
    return dict(run.outputs)


def lines(run: Run) -> list[str]:
    return [event.data["message"] for event in RunEvent.objects.filter(run=run, type="log").order_by("seq")]


def test_a_heavy_node_is_done_by_another_worker(people: World, home: RunWorker, helper: RunWorker) -> None:
    body = heavy(node("a", "adder", by=2), node("b", "adder", by=40), edges=["a:value>b:value"])
    ended = run_to_end(people, body)
    assert (ended.state, outputs_of(ended)["b"]) == ("completed", {"value": 42})
    assert lines(ended) == ["adding 2", "adding 40"]
    assert not NodeJob.objects.exists()


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_gives_the_same_on_the_fleet_as_on_one_worker(
    people: World, home: RunWorker, helper: RunWorker, name: str
) -> None:
    keep_secret(people)
    body = {"schema": "sage-studio/flow@1", **FLOWS[name]}
    here = run_to_end(people, body)
    there = run_to_end(people, {**body, "settings": {"executor": "celery"}})
    assert left_by(there) == left_by(here)
    assert "s3cret" not in str(left_by(there))


def test_items_of_a_map_are_spread_and_keep_their_order(
    people: World, home: RunWorker, helper: RunWorker
) -> None:
    body = heavy(
        node("map", "map_each", items=[1, 2, 3, 4], parallelism=4),
        {**node("add", "adder", by="{{ item * 10 }}"), "parent": "map"},
    )
    ended = run_to_end(people, body)
    assert ended.state == "completed", ended.error
    assert outputs_of(ended)["map"]["results"] == [
        10,
        20,
        30,
        40,
    ]


def test_its_error_is_the_runs_error(people: World, home: RunWorker, helper: RunWorker) -> None:
    ended = run_to_end(people, heavy(node("odd", "complain")))
    assert ended.state == "failed"
    assert (ended.error or {})["code"] == "test.odd"
    assert not NodeJob.objects.filter(state="ready").exists()


def test_a_secret_used_elsewhere_is_blotted_here(people: World, home: RunWorker, helper: RunWorker) -> None:
    keep_secret(people)
    ended = run_to_end(people, heavy(node("talk", "tell_secret", name="key")))
    assert ended.state == "completed", ended.error
    assert outputs_of(ended)["talk"]["value"] == "Bearer ••••••"
    assert "s3cret" not in str(list(RunEvent.objects.filter(run=ended).values_list("data", flat=True)))


def test_a_cancelled_run_stops_its_job(people: World, home: RunWorker, helper: RunWorker) -> None:
    flow = make_flow(people.editor.person, people.workspace, heavy(node("slow", "crunch", seconds=60)))
    run = start(people.editor.person, flow)
    until(lambda: NodeJob.objects.filter(state="running").exists())
    until(lambda: lines(run) != [])
    run_cancel(person=people.editor.person, workspace_id=people.workspace.pk, run_id=run.pk)
    assert wait_for(run.pk).state == "cancelled"
    until(lambda: not NodeJob.objects.exists())


def test_the_job_of_a_lost_worker_is_done_by_another(
    people: World, home: RunWorker, helper: RunWorker
) -> None:
    flow = make_flow(people.editor.person, people.workspace, heavy(node("a", "adder", by=1)))
    lost = jobs.jobs_claim
    taken: list[Any] = []

    def take_and_die(owner: str, **more: Any) -> list[Any]:
        """The first claim is that of a worker which does nothing with it."""
        claimed = lost(owner if taken else "dead", **{**more, "lease_s": 30 if taken else 0.5})
        if not taken and claimed:
            taken.extend(claimed)
            return []
        return claimed

    jobs.jobs_claim = take_and_die
    try:
        ended = wait_for(start(people.editor.person, flow).pk, wait_s=120)
    finally:
        jobs.jobs_claim = lost
    assert taken
    assert (ended.state, outputs_of(ended)["a"]) == ("completed", {"value": 1})


def test_nobody_begins_an_effect_twice(people: World) -> None:
    job = put(people, is_repeatable=False)
    (claimed,) = jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=0.01)
    time.sleep(0.05)
    assert jobs.jobs_claim("two", queues=["default"], limit=5, lease_s=30) == []
    row = NodeJob.objects.get(pk=job)
    assert row.state == "failed"
    assert jobs.job_answer(claimed, "done", b"late") is False


def test_a_job_that_takes_its_workers_down_is_given_up(people: World) -> None:
    job = put(people)
    for number in range(jobs.MAX_CLAIMS):
        assert jobs.jobs_claim(f"w{number}", queues=["default"], limit=5, lease_s=0.01)
        time.sleep(0.05)
    assert jobs.jobs_claim("last", queues=["default"], limit=5, lease_s=30) == []
    assert NodeJob.objects.get(pk=job).state == "failed"


def test_whoever_takes_the_run_over_finds_the_job(people: World) -> None:
    first = put(people, content=b"attempt 1")
    assert put(people, content=b"attempt 2") == first
    second = put(people, same_as=b"other work")
    assert list(NodeJob.objects.values_list("pk", flat=True)) == [second], "the first is nobody's any more"


def test_what_an_earlier_worker_wanted_with_other_values_is_not_done_late(people: World) -> None:
    put(people)
    (old,) = jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=30)
    put(people, same_as=b"other values")
    assert jobs.jobs_renew("one", [old.id], lease_s=30) == {}
    run = Run.objects.get()
    Run.objects.update(fence=run.fence + 1)
    with pytest.raises(SageError, match="another worker"):
        put(people, same_as=b"late", fence=run.fence)


def test_a_run_that_has_ended_wants_nothing_done(people: World) -> None:
    put(people)
    Run.objects.update(state="failed")
    assert jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=30) == []
    assert not NodeJob.objects.exists()


def test_a_late_answer_is_refused(people: World) -> None:
    job = put(people)
    (old,) = jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=0.01)
    time.sleep(0.05)
    (new,) = jobs.jobs_claim("two", queues=["default"], limit=5, lease_s=30)
    assert jobs.job_answer(old, "done", b"old") is False
    assert jobs.job_answer(new, "done", b"new") is True
    run = Run.objects.get()
    assert jobs.jobs_look({job: 0}, {job: run.workspace_id})[job].answer == b"new"


def test_only_queues_one_serves_are_taken(people: World) -> None:
    put(people, queue="gpu")
    assert jobs.jobs_claim("one", queues=["default", "cpu"], limit=5, lease_s=30) == []
    assert len(jobs.jobs_claim("one", queues=["gpu"], limit=5, lease_s=30)) == 1


def test_rows_hold_values_sealed(people: World) -> None:
    job = put(people, content=b"a secret text")
    with connection.cursor() as cursor:
        cursor.execute("SELECT call FROM executions_nodejob")
        assert b"secret" not in bytes(cursor.fetchone()[0])
    row = NodeJob.objects.get(pk=job)
    assert unseal(bytes(row.call or b""), f"call {job}") == b"a secret text"
    with pytest.raises(CannotOpen):
        unseal(bytes(row.call or b""), "call elsewhere")
    with pytest.raises(CannotOpen):
        unseal(seal(b"x", "here")[:-1], "here")


def test_a_row_no_key_opens_is_a_failure_and_nothing_worse(people: World) -> None:
    job = put(people)
    NodeJob.objects.filter(pk=job).update(call=b"not ours at all")
    assert jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=30) == []
    row = NodeJob.objects.get(pk=job)
    assert row.state == "failed"
    place = {job: row.run.workspace_id}
    for answer in (row.answer, b"spoiled"):
        NodeJob.objects.filter(pk=job).update(answer=answer)
        told = jobs.jobs_look({job: 0}, place)[job].answer
        assert told is not None
        error, _ = read_answer(told)
        assert isinstance(error, SageError)
        assert error.code.code == "job.unreadable"


def test_a_place_that_is_not_set_up_fails_the_run_before_it_begins(people: World, home: RunWorker) -> None:
    body = {**heavy(node("a", "adder")), "settings": {"executor": "kubernetes"}}
    ended = run_to_end(people, body)
    assert (ended.state, (ended.error or {})["code"]) == ("failed", "executor.unavailable")
    assert "SAGE_KUBERNETES_IMAGE" in (ended.error or {})["message"]
    assert not NodeRun.objects.filter(run=ended).exists()


def test_a_big_value_lies_in_a_blob(people: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_ROW_BYTES", 100)
    job = put(people, content=b"x" * 1000)
    row = NodeJob.objects.get(pk=job)
    assert (row.call, bool(row.call_key)) == (None, True)
    (claimed,) = jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=30)
    assert claimed.content == b"x" * 1000


def test_a_stopping_worker_gives_its_jobs_back(people: World) -> None:
    job = put(people)
    (claimed,) = jobs.jobs_claim("one", queues=["default"], limit=5, lease_s=30)
    jobs.job_drop(claimed, is_wanted=True)
    assert len(jobs.jobs_claim("two", queues=["default"], limit=5, lease_s=30)) == 1
    assert NodeJob.objects.get(pk=job).claims == 1


def put(
    people: World, *, content: bytes = b"call", same_as: bytes = b"work", queue: str = "default",
    is_repeatable: bool = True, fence: int | None = None,
) -> uuid.UUID:  # fmt: skip
    run = Run.objects.first()
    if run is None:
        flow = make_flow(people.editor.person, people.workspace, definition([TRIGGER], []))
        run = start(people.editor.person, flow)
    plan = JobPlan(
        run_id=run.pk, run_fence=run.fence if fence is None else fence, workspace_id=run.workspace_id,
        node_id="n1", iteration_path="", queue=queue,
        is_repeatable=is_repeatable, content=content, same_as=same_as,
    )  # fmt: skip
    return jobs.job_put(plan)


def until(condition: Any, wait_s: float = 120.0) -> None:
    give_up_at = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
