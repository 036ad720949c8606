"""What runs wait for, and how they hear that it has happened."""

from __future__ import annotations

from typing import Any

import pytest

from apps.executions.adapters import claims
from apps.executions.models import NEVER, NodeRun, Run, Signal
from apps.executions.services import signal_deliver
from apps.flows.models import Flow
from tests.executions.flows import definition, make_flow, start
from tests.executions.parked import hold, park
from tests.world import World

BODY = definition([{"id": "start_a1", "type": "manual_trigger"}])
KEY = "ask_a1||approval"


def no_blobs(_: object) -> Any:
    raise AssertionError("nothing here is big")


@pytest.fixture
def flow(world: World) -> Flow:
    return make_flow(world.editor.person, world.workspace, BODY)


@pytest.fixture
def parked(world: World, flow: Flow) -> Run:
    return park(world.editor.person, flow, question="Send it?", until=4_000_000_000)


def send(world: World, run: Run, key: str = KEY, who: str = "editor", payload: Any = None) -> tuple[int, Any]:
    answer = world.everyone()[who].post(
        f"{world.url}/runs/{run.pk}/signals", {"key": key, "payload": payload}
    )
    return answer.status_code, answer.json()


def claim() -> list[str]:
    return [claimed.claim.run_id for claimed in claims.claim_runs("one", limit=5, lease_s=30)]


@pytest.mark.parametrize(
    ("who", "status"),
    [("anonymous", 401), ("stranger", 404), ("viewer", 403), ("editor", 202), ("owner", 202), ("admin", 404)],
)
def test_only_editors_and_owners_answer(world: World, parked: Run, who: str, status: int) -> None:
    assert send(world, parked, who=who)[0] == status


def test_what_a_run_waits_for_is_shown_until_it_is_answered(world: World, parked: Run) -> None:
    client = world.viewer.client
    (wait,) = client.get(f"{world.url}/runs/{parked.pk}/waits").json()["items"]
    assert (wait["key"], wait["name"], wait["can_signal"], wait["is_answered"]) == (
        KEY,
        "approval",
        True,
        False,
    )
    assert wait["details"] == {"question": "Send it?"}
    assert wait["until"].startswith("2096-")
    send(world, parked)
    assert client.get(f"{world.url}/runs/{parked.pk}/waits").json()["items"][0]["is_answered"]


def test_a_parked_run_is_claimed_once_it_is_signalled(world: World, parked: Run) -> None:
    assert claim() == []
    assert send(world, parked, payload={"approved": True})[0] == 202
    assert claim() == [str(parked.pk)]
    kept = Signal.objects.get(run=parked)
    assert (kept.payload, kept.is_taken, kept.created_by) == ({"approved": True}, True, world.editor.person)


def test_the_first_answer_counts(world: World, parked: Run) -> None:
    assert send(world, parked, payload=1)[0] == 202
    assert send(world, parked, payload=2)[1]["code"] == "run.answered_already"
    assert Signal.objects.get(run=parked).payload == 1


@pytest.mark.parametrize("key", ["ask_a1||other", "x", "ask_a1|loop_1.0@1|approval", ""])
def test_what_nobody_waits_for_cannot_be_answered(world: World, parked: Run, key: str) -> None:
    status, problem = send(world, parked, key)
    assert (status, problem["code"]) in [(409, "run.not_waiting"), (400, "request.invalid")]
    assert not Signal.objects.exists()


def test_the_end_of_a_child_cannot_be_forged(world: World, flow: Flow) -> None:
    run = park(world.editor.person, flow, "sub_a1", "flow@1")
    assert send(world, run, "sub_a1||flow@1")[1]["code"] == "run.not_waiting"


def test_a_run_under_way_hears_of_a_signal_once(world: World, parked: Run) -> None:
    hold(parked)
    send(world, parked, payload="yes")
    news = claims.read_news("somebody", lambda _: no_blobs)
    assert news.signals == [(str(parked.pk), KEY, "yes")]
    assert claims.read_news("somebody", lambda _: no_blobs).signals == []
    assert claims.read_news("another", lambda _: no_blobs).signals == []


def test_a_run_that_is_parked_while_it_is_signalled_is_found_by_its_signal(parked: Run) -> None:
    """The row is written although the waking of the run came to nothing."""
    Signal.objects.create(run=parked, key=KEY)
    assert Run.objects.get(pk=parked.pk).lease_until == NEVER
    assert claim() == [str(parked.pk)]


def test_a_signal_to_a_paused_run_waits_with_it(world: World, parked: Run) -> None:
    url = f"{world.url}/runs/{parked.pk}/commands"
    world.editor.client.post(url, {"command": "pause"})
    assert send(world, parked)[0] == 202
    assert claim() == []
    world.editor.client.post(url, {"command": "resume"})
    assert claim() == [str(parked.pk)]


def test_a_signal_to_a_run_that_has_ended_is_refused_and_one_that_came_too_late_is_laid_aside(
    world: World, flow: Flow, parked: Run
) -> None:
    Signal.objects.create(run=parked, key=KEY)
    Run.objects.filter(pk=parked.pk).update(state="completed")
    assert signal_deliver(run_id=parked.pk, key="other", payload=None) is None
    assert claim() == []
    assert Signal.objects.get().is_taken
    start(world.editor.person, flow)
    assert len(claim()) == 1


def test_a_thousand_parked_runs_cost_a_claim_nothing(world: World, flow: Flow, parked: Run) -> None:
    """Whether there is work is answered from the index of what is due."""
    from django.db import connection

    from apps.executions.adapters import sql

    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"{explain} {sql.claimable(sql.dialect())}".replace("%%", "%"))
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "run_due" in plan
    # PostgreSQL chooses by its statistics, which know nothing of a table this small.
    assert "signal_untaken" in plan or connection.vendor == "postgresql"


def test_waits_of_a_finished_node_are_not_shown(world: World, parked: Run) -> None:
    NodeRun.objects.filter(run=parked).update(state="completed")
    assert world.viewer.client.get(f"{world.url}/runs/{parked.pk}/waits").json()["items"] == []


def test_what_people_are_asked_is_listed_over_all_flows_until_somebody_answers(
    world: World, flow: Flow, parked: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    park(world.editor.person, flow, node_id="start_a1", name="webhook", kind="webhook")
    asked = park(world.editor.person, flow, node_id="start_a1", kind="approval", message="Send it?")
    ended = park(world.editor.person, flow, node_id="start_a1", kind="approval")
    Run.objects.filter(pk=ended.pk).update(state="cancelled")

    monkeypatch.setattr("apps.executions.approval_selectors.MOST_ROWS", 2)
    (approval,) = approvals(world)
    assert (approval["run_id"], approval["flow_name"]) == (str(asked.pk), flow.name)
    assert approval["wait"]["details"]["message"] == "Send it?"
    assert send(world, asked, key=approval["wait"]["key"], payload={"approved": True})[0] == 202
    assert approvals(world) == []


def test_approvals_are_for_members_only(world: World, flow: Flow) -> None:
    park(world.editor.person, flow, kind="approval")
    seen = {who: client.get(f"{world.url}/approvals").status_code for who, client in world.everyone().items()}
    assert seen == {
        "anonymous": 401,
        "stranger": 404,
        "admin": 404,
        "viewer": 200,
        "editor": 200,
        "owner": 200,
    }


def approvals(world: World) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.viewer.client.get(f"{world.url}/approvals").json()["items"]
    return items
