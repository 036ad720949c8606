"""The database's run store keeps the same promises as the one in memory; values survive the way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.common.db import insert_row
from apps.executions.adapters import claims as claiming
from apps.executions.adapters.codec import decode, dump, encode_outputs
from apps.executions.adapters.store import ClaimedStore
from apps.executions.adapters.writer import Claim, RunWriter
from apps.executions.models import DebugCommand, NodeRun, Run, Signal
from apps.files.selectors import blob_get
from apps.files.services import blob_put
from sage_studio.engine import Batch, FlowState, RunOutcome, RunStore
from tests.engine.store_suite import Claims, RunStoreSuite, batch, event, record
from tests.executions.flows import definition, make_flow, start
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
LEASE_S = 30.0


def _close_connection() -> None:
    connection.close()


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def run(people: World) -> Run:
    flow = make_flow(
        people.editor.person, people.workspace, definition([{"id": "a", "type": "manual_trigger"}])
    )
    return start(people.editor.person, flow)


@pytest.fixture
def readers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(_close_connection).result()


@pytest.fixture
def writer() -> Iterator[RunWriter]:
    one = RunWriter()
    one.start()
    yield one
    one.close()


def _store(claim: Claim, writer: RunWriter, readers: ThreadPoolExecutor) -> ClaimedStore:
    workspace_id = uuid.UUID(claim.workspace_id)
    return ClaimedStore(
        claim,
        writer=writer,
        readers=readers,
        put_blob=partial(blob_put, workspace_id),
        get_blob=partial(blob_get, workspace_id),
        on_recorded=lambda flow_id, is_urgent: None,
    )


@pytest.fixture
def claims(run: Run, writer: RunWriter, readers: ThreadPoolExecutor) -> Claims:
    def take() -> tuple[str, RunStore]:
        Run.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))
        claimed = claiming.claim_runs(f"worker-{uuid.uuid4()}", limit=10, lease_s=LEASE_S)
        assert len(claimed) == 1
        return claimed[0].claim.run_id, _store(claimed[0].claim, writer, readers)

    async def claim() -> tuple[str, RunStore]:
        return await asyncio.get_running_loop().run_in_executor(readers, take)

    return claim


class TestDatabaseRunStore(RunStoreSuite):
    pass


async def test_a_batch_that_is_written_again_changes_nothing(claims: Claims) -> None:
    run_id, store = await claims()
    twice = batch(event(2, "run_started"), event(3), record())
    await store.record(run_id, twice)
    await store.record(run_id, twice)
    assert (await store.load(run_id)).last_seq == 3


async def test_one_run_s_lost_fence_does_not_hold_up_the_others_in_the_commit(
    claims: Claims, writer: RunWriter, readers: ThreadPoolExecutor
) -> None:
    run_id, late = await claims()
    _, current = await claims()
    results = await asyncio.gather(
        *(
            store.record(run_id, batch(event(2 + i)))
            for i, store in enumerate((late, current, late, current))
        ),
        return_exceptions=True,
    )
    assert [type(result).__name__ for result in results] == ["FenceLost", "NoneType", "FenceLost", "NoneType"]


async def test_big_values_and_bytes_leave_references_and_come_back(claims: Claims, people: World) -> None:
    run_id, store = await claims()
    big = [{"n": i, "text": "ü" * 10} for i in range(5000)]
    kept = record()._replace(outputs={"rows": big, "raw": b"\x00\xff" * 10, "small": "x"})
    await store.record(run_id, batch(event(2), kept))
    assert (await store.load(run_id)).nodes["a", ""].outputs == kept.outputs

    def row() -> Any:
        return NodeRun.objects.get(run_id=run_id).outputs

    with ThreadPoolExecutor(1) as pool:
        stored = await asyncio.get_running_loop().run_in_executor(pool, row)
        pool.submit(_close_connection).result()
    assert stored["small"] == "x"
    assert set(stored["rows"]) == {"$blob", "size_bytes", "mime"}
    assert stored["rows"]["size_bytes"] > 64 * 1024


def _no_blobs(content: bytes, mime: str) -> str:
    raise AssertionError("nothing here is big")


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ({"$blob": "sha256:mine", "a": [{"$x": 1}]}, {"$blob": "sha256:mine", "a": [{"$x": 1}]}),
        ([float("nan"), float("inf"), 1.5], [None, None, 1.5]),
        ("a\x00b", "a\ufffdb"),
        ("\ud800 alone", "? alone"),
        ((1, 2), [1, 2]),
        ({1: "one"}, {"1": "one"}),
        ({3, 1}, [1, 3]),
        (10**30, 10**30),
        ({"price": "$12", 'say "$x":': "$blob"}, {"price": "$12", 'say "$x":': "$blob"}),
        ({'$a"b': 1}, {'$a"b': 1}),
    ],
)
def test_odd_values_become_what_a_row_can_hold(value: Any, back: Any) -> None:
    import json

    text = encode_outputs({"value": value}, _no_blobs)
    assert decode(json.loads(text), lambda key: b"")["value"] == back


def test_a_long_list_comes_back_whole_from_its_blob() -> None:
    import json

    kept: dict[str, bytes] = {}
    rows = [{"n": n, "name": f"row {n}", "$own": None} for n in range(5_001)]

    def put(content: bytes, mime: str) -> str:
        kept["sha256:1"] = content
        return "sha256:1"

    text = encode_outputs({"rows": rows, "plain": 1}, put)
    assert json.loads(text)["rows"]["size_bytes"] == len(kept["sha256:1"])
    assert decode(json.loads(text), kept.__getitem__) == {"rows": rows, "plain": 1}


def test_deep_values_do_not_break_the_writer() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert dump({"$deep": deep})


def test_a_claim_takes_the_oldest_first_and_only_as_many_as_asked(people: World, run: Run) -> None:
    newer = start(people.editor.person, run.flow)
    first = claiming.claim_runs("one", limit=1, lease_s=LEASE_S)
    assert [claimed.claim.run_id for claimed in first] == [str(run.pk)]
    second = claiming.claim_runs("two", limit=5, lease_s=LEASE_S)
    assert [claimed.claim.run_id for claimed in second] == [str(newer.pk)]
    assert claiming.claim_runs("three", limit=5, lease_s=LEASE_S) == []


def test_a_claim_takes_no_more_than_asked_however_the_server_carries_it_out(people: World, run: Run) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite finds out once what a subquery gives")
    others = [start(people.editor.person, run.flow) for _ in range(4)]
    planner = ("hashjoin", "mergejoin", "hashagg", "sort", "material")
    with connection.cursor() as cursor:
        try:
            for step in planner:
                cursor.execute(f"SET enable_{step} = off")
            claimed = [claiming.claim_runs(f"w{n}", limit=2, lease_s=LEASE_S) for n in range(3)]
        finally:
            for step in planner:
                cursor.execute(f"RESET enable_{step}")
    assert [len(share) for share in claimed] == [2, 2, 1]
    assert {one.claim.run_id for share in claimed for one in share} == {str(one.pk) for one in (run, *others)}


def test_many_workers_that_claim_at_once_share_the_runs_without_overlap(people: World, run: Run) -> None:
    for _ in range(19):
        start(people.editor.person, run.flow)

    def take(name: int) -> list[str]:
        try:
            taken = []
            while found := claiming.claim_runs(f"worker-{name}", limit=2, lease_s=LEASE_S):
                taken += [claimed.claim.run_id for claimed in found]
            return taken
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        shares = list(pool.map(take, range(5)))
    everything = [run_id for share in shares for run_id in share]
    assert len(everything) == len(set(everything)) == 20


def test_a_lease_that_is_renewed_keeps_others_away(run: Run) -> None:
    claiming.claim_runs("one", limit=1, lease_s=-1)
    assert claiming.renew_leases("one", lease_s=LEASE_S) == {str(run.pk): 1}
    assert claiming.claim_runs("two", limit=1, lease_s=LEASE_S) == []


def test_runs_given_back_can_be_claimed_at_once(run: Run) -> None:
    claiming.claim_runs("one", limit=1, lease_s=LEASE_S)
    claiming.release_runs("one")
    assert len(claiming.claim_runs("two", limit=1, lease_s=LEASE_S)) == 1


def take_signals(owner: str) -> Any:
    return claiming.read_news(owner, lambda _workspace_id: lambda _key: b"")


async def test_a_signal_taken_while_its_run_decides_to_park_makes_it_due_again(
    claims: Claims, readers: ThreadPoolExecutor
) -> None:
    """The row says "taken" before the run hears of it; parked like that it would wait for ever."""
    run_id, store = await claims()
    first = (await store.load(run_id)).last_seq + 1
    wait = {"approval": {"since": 1.0, "signal": "a||approval"}}
    waiting = record(state="waiting")._replace(outputs=None, ports=None, finished_at=None, waits=wait)
    await store.record(run_id, batch(event(first, "run_started"), waiting))
    loop = asyncio.get_running_loop()

    def answer() -> None:
        Signal.objects.create(run_id=run_id, key="a||approval", payload={"approved": True})
        assert [key for _run, key, _payload in take_signals(Run.objects.get(pk=run_id).owner).signals]

    await loop.run_in_executor(readers, answer)
    await store.record(run_id, Batch(outcome=RunOutcome(FlowState.RUNNING, reason="waiting")))

    assert await loop.run_in_executor(readers, is_due, run_id)


@pytest.mark.parametrize("is_told", [False, True])
async def test_a_command_given_while_its_run_decides_to_park_makes_it_due_again(
    claims: Claims, readers: ThreadPoolExecutor, is_told: bool
) -> None:
    run_id, store = await claims()
    await store.load(run_id)
    loop = asyncio.get_running_loop()

    def command() -> None:
        shape = {"command": "continue"}
        DebugCommand.objects.create(run_id=run_id, seq=1, shape=shape, is_told=is_told)

    await loop.run_in_executor(readers, command)
    await store.record(run_id, Batch(outcome=RunOutcome(FlowState.RUNNING, reason="debugging")))

    assert await loop.run_in_executor(readers, is_due, run_id)


def is_due(run_id: str) -> bool:
    run = Run.objects.get(pk=run_id)
    return run.owner == "" and run.lease_until is not None and run.lease_until <= timezone.now()


def test_an_inserted_run_is_the_one_django_would_have_saved(run: Run) -> None:
    """Of every kind of column: ids, relations, texts, numbers, truths, moments, JSON and nothing at all."""
    facts = {
        "workspace_id": run.workspace_id,
        "flow": run.flow,
        "definition_id": run.definition_id,
        "created_by": run.created_by,
        "retry_of": uuid.uuid4(),
        "trigger": "api 100 %s",
        "version": 3,
        "inputs": {"text": "Ünïcode", "list": [1, None, True]},
        "budget": None,
        "cancel_requested_at": timezone.now(),
    }
    made, saved = Run(number=101, **facts), Run(number=102, **facts)
    insert_row(made)
    saved.save(force_insert=True)
    own = {"id", "number", "created_at", "updated_at", "lease_until"}
    names = [field.attname for field in Run._meta.concrete_fields if field.name not in own]
    first, second = (Run.objects.filter(pk=each.pk).values_list(*names).get() for each in (made, saved))
    assert first == second
    made.reason = "saved again"
    made.save()
    assert Run.objects.get(pk=made.pk).reason == "saved again"
