"""Pause, resume and cancel by the HTTP door, for runs that are held, not held, and have children."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.executions.adapters import claims
from apps.executions.models import NodeRun, Run, RunEvent, Signal
from apps.executions.services import cancels_overdue_end, child_start
from apps.executions.services.family import descendants
from apps.flows.models import Flow
from sage_studio.kernel import SageError
from tests.executions import ledger
from tests.executions.flows import definition, make_flow, start
from tests.executions.parked import child_of, hold, park
from tests.world import World

BODY = definition([{"id": "start_a1", "type": "manual_trigger"}])


@pytest.fixture
def flow(world: World) -> Flow:
    return make_flow(world.editor.person, world.workspace, BODY)


def command(
    world: World, run: Run, name: str, who: str = "editor", **more: Any
) -> tuple[int, dict[str, Any]]:
    client = world.everyone()[who]
    answer = client.post(f"{world.url}/runs/{run.pk}/commands", {"command": name, **more})
    return answer.status_code, answer.json()


def events_of(run: Run) -> list[str]:
    events = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "type"))
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    assert Run.objects.get(pk=run.pk).last_seq == len(events)
    return [type_ for _, type_ in events]


def state_of(run: Run) -> str:
    return Run.objects.get(pk=run.pk).state


@pytest.mark.parametrize("name", ["pause", "resume", "redrive"])
@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 404), ("viewer", 403), ("admin", 404)]
)
def test_only_editors_and_owners_command_runs(
    world: World, flow: Flow, name: str, who: str, status: int
) -> None:
    assert command(world, start(world.editor.person, flow), name, who)[0] == status


def test_a_run_nobody_holds_pauses_at_once_and_is_not_claimed_until_it_is_resumed(
    world: World, flow: Flow
) -> None:
    run = start(world.editor.person, flow)
    status, shown = command(world, run, "pause")
    assert (status, shown["state"], shown["reason"]) == (202, "paused", "requested")
    assert claims.claim_runs("one", limit=5, lease_s=30) == []
    assert command(world, run, "resume")[1]["state"] == "ready"
    claimed = claims.claim_runs("one", limit=5, lease_s=30)
    assert [(one.claim.run_id, one.is_pause_wanted) for one in claimed] == [(str(run.pk), False)]
    assert events_of(run) == ["run_queued", "run_paused", "run_queued"]


def test_a_run_under_way_gets_a_wish_that_survives_its_worker_and_can_be_taken_back(
    world: World, flow: Flow
) -> None:
    run = start(world.editor.person, flow)
    hold(run)
    status, shown = command(world, run, "pause")
    assert (status, shown["state"]) == (202, "running")
    assert claims.read_news("somebody", lambda _: lambda _: b"").paused == [str(run.pk)]
    Run.objects.filter(pk=run.pk).update(lease_until=run.created_at)
    assert claims.claim_runs("another", limit=5, lease_s=30)[0].is_pause_wanted
    assert command(world, run, "resume")[1]["pause_requested_at"] is None
    assert claims.read_news("another", lambda _: lambda _: b"").paused == []


def test_what_cannot_be_is_said(world: World, flow: Flow) -> None:
    run = start(world.editor.person, flow)
    assert command(world, run, "resume")[1]["code"] == "run.not_resumable"
    assert command(world, run, "redrive")[1]["code"] == "run.redrive_active"
    command(world, run, "cancel")
    assert command(world, run, "pause")[1]["code"] == "run.not_pausable"
    assert command(world, run, "resume")[1]["code"] == "run.not_resumable"
    assert command(world, run, "pause", from_node="x")[0] == 400
    assert command(world, run, "redrive", version="newest")[0] == 400


def test_a_parked_run_pauses_and_ends_without_a_worker(world: World, flow: Flow) -> None:
    paused, cancelled = (park(world.editor.person, flow) for _ in range(2))
    assert command(world, paused, "pause")[1]["state"] == "paused"
    assert NodeRun.objects.get(run=paused).state == "waiting"
    assert command(world, cancelled, "cancel")[1]["state"] == "cancelled"
    assert NodeRun.objects.get(run=cancelled).state == "cancelled"
    assert claims.claim_runs("one", limit=5, lease_s=30) == []


def test_a_wish_reaches_children_of_children(world: World, flow: Flow) -> None:
    parent = park(world.editor.person, flow)
    child = child_of(parent)
    grandchild = child_of(child)
    hold(child)
    command(world, parent, "pause")
    assert [state_of(run) for run in (parent, child, grandchild)] == ["paused", "running", "paused"]
    assert claims.read_news("somebody", lambda _: lambda _: b"").paused == [str(child.pk)]
    command(world, parent, "resume")
    assert [state_of(run) for run in (parent, child, grandchild)] == ["ready", "running", "ready"]
    assert claims.read_news("somebody", lambda _: lambda _: b"").paused == []
    command(world, parent, "cancel")
    assert [state_of(run) for run in (parent, child, grandchild)] == ["cancelled", "running", "cancelled"]
    assert claims.read_news("somebody", lambda _: lambda _: b"").cancelled == [str(child.pk)]


def test_a_child_paused_by_itself_stays_paused_when_its_parent_goes_on(world: World, flow: Flow) -> None:
    parent = park(world.editor.person, flow)
    first, second = child_of(parent), child_of(parent, "sub_b2||flow@1")
    command(world, first, "pause")
    command(world, parent, "pause")
    command(world, parent, "resume")
    assert [state_of(run) for run in (first, second)] == ["paused", "ready"]


def test_children_born_between_two_wishes_to_pause_go_on_with_their_parent(world: World, flow: Flow) -> None:
    parent = park(world.editor.person, flow)
    elder = child_of(parent)
    hold(parent)
    command(world, parent, "pause")
    younger = child_of(parent, "sub_b2||flow@1")
    command(world, parent, "pause")
    assert [state_of(run) for run in (parent, elder, younger)] == ["running", "paused", "paused"]
    command(world, parent, "resume")
    assert [state_of(run) for run in (elder, younger)] == ["ready", "ready"]


def test_a_child_that_is_cancelled_before_it_began_tells_its_parent(world: World, flow: Flow) -> None:
    parent = park(world.editor.person, flow, "sub_a1", "flow@1")
    child = child_of(parent)
    command(world, child, "cancel")
    assert Signal.objects.get(run=parent).child_id == child.pk
    assert [one.claim.run_id for one in claims.claim_runs("one", limit=5, lease_s=30)] == [str(parent.pk)]


def test_resuming_gives_a_dead_letter_and_an_unknown_outcome_another_try(world: World, flow: Flow) -> None:
    run = start(world.editor.person, flow)
    Run.objects.filter(pk=run.pk).update(state="paused", reason="dead_letter", losses=3, lease_until=None)
    for attempt in (1, 2):
        NodeRun.objects.create(run=run, node_id="a", attempt=attempt, state="failed", is_lost=True)
    NodeRun.objects.create(run=run, node_id="a", attempt=3, state="paused")
    listed = world.viewer.client.get(f"{world.url}/runs?state=paused&reason=dead_letter").json()["items"]
    assert [item["id"] for item in listed] == [str(run.pk)]
    assert world.viewer.client.get(f"{world.url}/runs?state=paused&reason=requested").json()["items"] == []
    command(world, run, "resume")
    assert not NodeRun.objects.filter(run=run, is_lost=True).exists()
    assert NodeRun.objects.get(run=run, attempt=3).state == "pending"
    assert claims.claim_runs("one", limit=5, lease_s=30)[0].losses == 0


def test_children_are_listed_with_their_parent_only(world: World, flow: Flow) -> None:
    parent = park(world.editor.person, flow)
    child = child_of(parent)
    client = world.viewer.client
    assert [item["id"] for item in client.get(f"{world.url}/runs").json()["items"]] == [str(parent.pk)]
    of_parent = client.get(f"{world.url}/runs?parent={parent.pk}").json()["items"]
    assert [(item["id"], item["parent_run_id"]) for item in of_parent] == [(str(child.pk), str(parent.pk))]
    shown = client.get(f"{world.url}/runs/{parent.pk}").json()
    assert [(one["id"], one["parent_path"]) for one in shown["children"]] == [
        (str(child.pk), "sub_a1||flow@1")
    ]
    assert client.get(f"{world.url}/runs/{child.pk}").json()["depth"] == 1
    assert client.get(f"{world.url}/runs?parent=x").status_code == 400


@pytest.mark.parametrize("moment", range(1, 7))
def test_no_child_s_end_is_heard_without_the_wish_that_ended_it(
    world: World, flow: Flow, moment: int
) -> None:
    """Someone cancels a run after any statement of the worker that reads what is new."""
    parent = park(world.editor.person, flow, "sub_a1", "flow@1")
    other, child = child_of(parent, "sub_b2||flow@1"), child_of(parent)
    command(world, other, "cancel")
    hold(parent)
    seen = 0

    def cancels(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        answer = execute(sql, params, many, context)
        seen += 1
        if seen == moment:
            assert command(world, parent, "cancel")[0] == 202
        return answer

    with connection.execute_wrapper(cancels):
        news = claims.read_news("somebody", lambda _: lambda _: b"")
    assert seen > moment
    heard = {key for _, key, _ in news.signals}
    assert "sub_b2||flow@1" in heard
    assert news.cancelled or child.parent_path not in heard


LEASE_S = 30.0


def left_behind(run: Run, *, silent_s: float, asked_s: float) -> None:
    """As if a worker had the run, last renewed it ``silent_s`` ago, and cancel was asked ``asked_s`` ago."""
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(
        state="running",
        owner="gone",
        fence=1,
        lease_until=now + timedelta(seconds=LEASE_S - silent_s),
        cancel_requested_at=now - timedelta(seconds=asked_s),
    )


def test_a_cancelled_run_whose_worker_is_silent_is_ended_over_its_head(world: World, flow: Flow) -> None:
    run, renewed, just_asked = (start(world.editor.person, flow) for _ in range(3))
    NodeRun.objects.create(run=run, node_id="start_a1", attempt=1, state="running")
    left_behind(run, silent_s=60, asked_s=60)
    left_behind(renewed, silent_s=0, asked_s=60)
    left_behind(just_asked, silent_s=60, asked_s=0)
    assert cancels_overdue_end(LEASE_S) == 1
    assert [state_of(each) for each in (run, renewed, just_asked)] == ["cancelled", "running", "running"]
    assert NodeRun.objects.get(run=run).state == "cancelled"
    assert events_of(run) == ["run_queued", "run_cancelled"]
    held = Run.objects.get(pk=run.pk)
    assert (held.owner, held.fence, held.lease_until) == ("", 2, None)
    assert claims.renew_leases("gone", lease_s=LEASE_S).keys() == {str(renewed.pk), str(just_asked.pk)}


def test_of_a_node_that_may_not_be_repeated_the_outcome_stays_unknown(world: World) -> None:
    ledger.register()
    node = {"id": "once_a1", "type": "test_ledger_once", "config": {"path": "/nowhere"}}
    run = start(world.editor.person, make_flow(world.editor.person, world.workspace, definition([node])))
    NodeRun.objects.create(run=run, node_id="once_a1", attempt=1, state="running")
    left_behind(run, silent_s=60, asked_s=60)
    assert cancels_overdue_end(LEASE_S) == 1
    kept = NodeRun.objects.get(run=run)
    assert kept.error is not None
    assert (kept.state, kept.error["code"]) == ("paused", "run.outcome_unknown")


def test_the_end_of_a_child_over_its_lost_worker_is_told_to_its_parent(world: World, flow: Flow) -> None:
    parent = park(world.editor.person, flow, "sub_a1", "flow@1")
    child = child_of(parent)
    left_behind(child, silent_s=60, asked_s=60)
    assert cancels_overdue_end(LEASE_S) == 1
    assert Signal.objects.get(run=parent).child_id == child.pk


def test_a_family_of_runs_grows_only_so_big(world: World, flow: Flow, settings: Any) -> None:
    settings.RUN_MAX_DESCENDANTS = 3
    root = park(world.editor.person, flow)
    middle = child_of(root)
    hold(middle)
    leaf = child_of(middle)

    def call(key: str) -> None:
        child_start(parent_id=middle.pk, fence=1, key=key, flow_ref=str(flow.pk), version="", inputs={})

    call("sub_b1||flow@1")
    call("sub_b1||flow@1")  # the same one
    with pytest.raises(SageError) as refused:
        call("sub_c1||flow@1")
    assert refused.value.code.code == "run.too_many_below"
    command(world, leaf, "cancel")
    call("sub_c1||flow@1")
    assert [run.depth for run in descendants(root.pk)] == [1, 2, 2]
