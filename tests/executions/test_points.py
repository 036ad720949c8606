"""A process killed at each named point of each commit path leaves runs that end right after a restart.

``WORK`` and ``ASK`` hold every point of the table in ``apps.common.failpoints`` that belongs to runs;
those of documents are killed in ``tests/collaboration``, those of debug commands in ``tests/debugging``,
those of tidying up in ``test_tidying``, those of uploads in ``tests/files``, those of triggers in
``tests/triggers``.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.common import failpoints, outbox
from apps.common.models import OutboxEvent
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.services import cancels_overdue_end, run_pause, signal_deliver
from apps.flows.models import Flow
from tests.executions import ledger
from tests.executions.conftest import CALM, leases_run_out
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.executions.zygote import Zygote
from tests.world import World, make_world

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.kill,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
STEPS = 4
ELSEWHERE = ("document.", "debug.", "bus.", "tidy.", "credentials.", "upload.", "trigger.")
BIG = "x" * 70_000

# What a worker passes: the kind of run it is given, and what it does.
WORK: dict[str, tuple[str, str]] = {
    "run.claim:kill@1": ("chain", "work"),
    "run.claimed:kill@1": ("chain", "work"),
    "run.planned:kill@1": ("chain", "work"),
    "run.record:kill@1": ("chain", "work"),
    "run.record:kill@3": ("chain", "work"),
    "run.recorded:kill@1": ("chain", "work"),
    "run.recorded:kill@3": ("chain", "work"),
    "run.finish:kill@1": ("chain", "work"),
    "run.finished:kill@1": ("chain", "work"),
    "run.heartbeat:kill@1": ("slow", "work"),
    "run.renew:kill@1": ("slow", "work"),
    "run.renewed:kill@1": ("slow", "work"),
    "run.release:kill@1": ("slow", "drain"),
    "run.released:kill@1": ("slow", "drain"),
    "run.hand_back:kill@1": ("chain", "lose_a_claim"),
    "run.handed_back:kill@1": ("chain", "lose_a_claim"),
    "blob.stored:kill@1": ("big", "work"),
    "signal.take:kill@1": ("answered", "work_and_answer"),
    "signal.taken:kill@1": ("answered", "work_and_answer"),
    "run.start_child:kill@1": ("parent", "work"),
    "run.child_started:kill@1": ("parent", "work"),
    "job.put:kill@1": ("fleet", "work"),
    "job.was_put:kill@1": ("fleet", "work"),
    "job.claim:kill@1": ("fleet", "work"),
    "job.claimed:kill@1": ("fleet", "work"),
    "job.answer:kill@1": ("fleet", "work"),
    "job.answered:kill@1": ("fleet", "work"),
    "job.take:kill@1": ("fleet", "work"),
    "job.taken:kill@1": ("fleet", "work"),
}
# What people and programs ask of runs, in a process that dies while it is asked.
ASK = (
    "run.accept", "run.accepted", "run.cancel", "run.cancel_noted", "run.overrule", "run.overruled",
    "run.pause", "run.pause_noted",
    "run.resume", "run.resumed", "run.redrive", "run.redriven", "signal.deliver", "signal.delivered",
    "outbox.claim", "outbox.claimed", "outbox.delivered",
)  # fmt: skip


@dataclass
class Stage:
    """Who and what a test has: people, a place for the ledger, processes to kill, and a restart."""

    people: World
    path: Path
    zygote: Zygote
    rescuers: list[RunWorker] = field(default_factory=list)

    def flow(self, body: dict[str, Any], name: str = "Test") -> Flow:
        return make_flow(self.people.editor.person, self.people.workspace, body, name)

    def start(self, body: dict[str, Any]) -> Run:
        return start(self.people.editor.person, self.flow(body))

    def kill_at(self, point: str, act: str, **arguments: str) -> None:
        code = self.zygote.run(point, act, **arguments)
        assert code == -signal.SIGKILL, f"the point was not passed: {self.zygote.said()}"

    def restart(self) -> None:
        """Another worker, in this process, once nothing is held by the one that died."""
        leases_run_out()
        self.rescuers.append(RunWorker(times=CALM, node_threads=2))
        self.rescuers[-1].start()


@pytest.fixture(scope="module")
def zygote(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    one = Zygote(tmp_path_factory.mktemp("zygote") / "log")
    yield one
    one.close()


@pytest.fixture
def stage(transactional_db: None, zygote: Zygote, tmp_path: Path) -> Iterator[Stage]:
    ledger.register()
    one = Stage(make_world(), tmp_path / "ledger", zygote)
    yield one
    for worker in one.rescuers:
        worker.stop()


def _chain(path: Path, seconds: float = 0.0, give: Any = None) -> dict[str, Any]:
    nodes = [
        {
            "id": f"n{i}",
            "type": "test_ledger",
            "config": {"path": str(path), "seconds": seconds, "give": i if give is None else give},
        }
        for i in range(STEPS)
    ]
    return definition(nodes, [f"n{i}:value>n{i + 1}:value" for i in range(STEPS - 1)])


def _spread(path: Path) -> dict[str, Any]:
    """Its nodes are jobs for any worker."""
    body = _chain(path)
    body["nodes"] = [{**node, "executor": "celery"} for node in body["nodes"]]
    return body


def _waiting(path: Path) -> dict[str, Any]:
    """Asks a person in the middle."""
    body = _chain(path)
    body["nodes"].append({"id": "ask", "type": "wait", "config": {"mode": "approval"}})
    body["edges"][1:2] = definition([], ["n1:value>ask:value", "ask:approved>n2:value"])["edges"]
    return body


def _parent(stage: Stage) -> dict[str, Any]:
    """Runs a chain as a sub-flow."""
    child = stage.flow(_chain(stage.path), "Child")
    config = {"flow": str(child.pk)}
    return definition([{"id": "sub", "type": "sub_flow", "config": config}])


def _check_whole(run: Run, path: Path) -> None:
    """Every node once, every number once, one key per node over all attempts."""
    completed = list(NodeRun.objects.filter(run=run, state="completed").values_list("node_id", flat=True))
    assert sorted(set(completed)) == sorted(completed)
    assert {f"n{i}" for i in range(STEPS)} <= set(completed)
    seqs = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert seqs[-1] == run.last_seq
    types = list(RunEvent.objects.filter(run=run).values_list("type", flat=True))
    assert (types.count("run_completed"), types.count("run_started")) == (1, 1)
    assert len({line[2] for line in ledger.lines(path)}) == STEPS


def test_every_point_of_runs_is_killed_here() -> None:
    points = {name for name in failpoints.POINTS if not name.startswith(ELSEWHERE)}
    assert points == {point.partition(":")[0] for point in WORK} | set(ASK)


@pytest.mark.parametrize("point", WORK)
def test_a_worker_killed_at_a_point_leaves_a_run_that_ends(stage: Stage, point: str) -> None:
    kind, act = WORK[point]
    run = stage.start(_body(stage, kind))
    key = "ask||approval" if kind == "answered" else ""
    stage.kill_at(point, act, run_id=str(run.pk), key=key)
    done = set(NodeRun.objects.filter(run=run, state="completed").values_list("node_id", flat=True))
    lines_before = len(ledger.lines(stage.path))
    stage.restart()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == "completed", ended.error
    again = {line[0] for line in ledger.lines(stage.path)[lines_before:]}
    assert not again & done, "a finished node ran again"
    _check_whole(Run.objects.get(parent_run=run) if kind == "parent" else ended, stage.path)


def _body(stage: Stage, kind: str) -> dict[str, Any]:
    match kind:
        case "slow":
            return _chain(stage.path, 0.6)
        case "big":
            return _chain(stage.path, give=BIG)
        case "answered":
            return _waiting(stage.path)
        case "parent":
            return _parent(stage)
        case "fleet":
            return _spread(stage.path)
        case _:
            return _chain(stage.path)


@pytest.mark.parametrize(
    ("point", "act", "runs"),
    [
        ("run.accept:kill", "accept", 0),
        ("run.accepted:kill", "accept", 1),
        ("run.accept:kill@3", "accept_three", 0),
        ("run.accepted:kill@2", "accept_three", 3),
    ],
)
def test_a_server_killed_while_accepting_has_promised_all_or_nothing(
    stage: Stage, point: str, act: str, runs: int
) -> None:
    """Three that share a commit are promised together, whoever of them has been answered."""
    flow = stage.flow(_chain(stage.path))
    stage.kill_at(point, act, flow_id=str(flow.pk))
    assert (Run.objects.count(), RunEvent.objects.count()) == (runs, runs)
    if runs:
        stage.restart()
        for run in Run.objects.all():
            assert wait_for(run.pk, wait_s=120).state == "completed"


@pytest.mark.parametrize(
    ("point", "service", "state"),
    [
        ("run.cancel", "run_cancel", "completed"),
        ("run.cancel_noted", "run_cancel", "cancelled"),
        ("run.pause", "run_pause", "completed"),
        ("run.pause_noted", "run_pause", "paused"),
    ],
)
def test_a_server_killed_while_told_to_stop_a_run_has_done_all_or_nothing(
    stage: Stage, point: str, service: str, state: str
) -> None:
    run = stage.start(_chain(stage.path))
    stage.kill_at(f"{point}:kill", "command", service=service, run_id=str(run.pk))
    stage.restart()
    assert wait_for(run.pk, wait_s=120).state == state


@pytest.mark.parametrize(("point", "ended_by"), [("run.overrule", 1), ("run.overruled", 0)])
def test_a_server_killed_while_it_ends_a_run_over_its_lost_worker_has_ended_it_or_does_so_again(
    stage: Stage, point: str, ended_by: int
) -> None:
    run = stage.start(_chain(stage.path))
    a_while_ago = timezone.now() - timedelta(seconds=10)
    Run.objects.filter(pk=run.pk).update(
        state="running", owner="gone", fence=1, lease_until=a_while_ago, cancel_requested_at=a_while_ago
    )
    stage.kill_at(f"{point}:kill", "overrule")
    assert cancels_overdue_end(3.0) == ended_by
    run.refresh_from_db()
    assert (run.state, run.owner, run.fence) == ("cancelled", "", 2)
    assert list(run.events.order_by("seq").values_list("type", flat=True)) == ["run_queued", "run_cancelled"]


@pytest.mark.parametrize(("point", "state"), [("run.resume", "paused"), ("run.resumed", "completed")])
def test_a_server_killed_while_resuming_has_resumed_or_not(stage: Stage, point: str, state: str) -> None:
    run = stage.start(_chain(stage.path))
    people = stage.people
    run_pause(person=people.editor.person, workspace_id=people.workspace.pk, run_id=run.pk)
    stage.kill_at(f"{point}:kill", "command", service="run_resume", run_id=str(run.pk))
    stage.restart()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == state
    if state == "completed":
        _check_whole(ended, stage.path)


@pytest.mark.parametrize(("point", "more"), [("run.redrive", 0), ("run.redriven", 1)])
def test_a_server_killed_while_redriving_has_made_a_whole_run_or_none(
    stage: Stage, point: str, more: int
) -> None:
    body = _chain(stage.path)
    body["nodes"][2]["config"]["fail"] = True
    run = stage.start(body)
    stage.restart()
    assert wait_for(run.pk, wait_s=120).state == "failed"
    stage.kill_at(f"{point}:kill", "command", service="run_redrive", run_id=str(run.pk))
    assert Run.objects.count() == 1 + more
    for redriven in Run.objects.exclude(pk=run.pk):
        assert wait_for(redriven.pk, wait_s=120).state == "failed", "it went on from the node that failed"
        assert NodeRun.objects.filter(run=redriven, node_id="n0", state="completed").count() == 1


@pytest.mark.parametrize(("point", "is_told"), [("signal.deliver", False), ("signal.delivered", True)])
def test_a_server_killed_while_it_delivers_a_signal_has_delivered_it_or_not(
    stage: Stage, point: str, is_told: bool
) -> None:
    run = stage.start(_waiting(stage.path))
    stage.kill_at(f"{point}:kill", "deliver", run_id=str(run.pk), key="ask||approval")
    again = signal_deliver(run_id=run.pk, key="ask||approval", payload={"approved": True})
    assert (again is None) == is_told
    stage.restart()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == "completed"
    _check_whole(ended, stage.path)


@pytest.mark.parametrize("point", ["outbox.claim", "outbox.claimed", "outbox.delivered"])
def test_a_worker_killed_while_it_tells_the_rest_of_the_product_tells_it_again(
    stage: Stage, point: str
) -> None:
    body = _chain(stage.path)
    body["nodes"][0]["config"]["fail"] = True
    run = stage.start(body)
    stage.restart()
    wait_for(run.pk, "failed", wait_s=120)
    stage.kill_at(f"{point}:kill", "tell")
    # A dead deliverer's lease ends by itself; the test does not wait a minute for it.
    OutboxEvent.objects.filter(state="waiting").update(due_at=timezone.now() - timedelta(seconds=1))
    while outbox.deliver_due():
        pass
    told = OutboxEvent.objects.filter(topic="run.failed")
    assert told.exists()
    assert not told.exclude(state="done").exists()
