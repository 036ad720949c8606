"""Live events: snapshot, order, resume, following, and rights that end while the socket is open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings

from apps.executions.adapters.worker import RunWorker
from apps.executions.feeds import Feed
from apps.executions.models import Run
from apps.executions.services import run_cancel
from apps.flows.models import Flow
from apps.workspaces.services import member_remove
from studio_project.asgi import application
from tests.executions import ledger
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import Someone, World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
FULL_STORY = [
    "run_queued",
    "run_started",
    "node_started",
    "node_completed",
    "run_completed",
    "flow_completed",
]


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


@pytest.fixture
def flow(people: World) -> Flow:
    return make_flow(
        people.editor.person, people.workspace, definition([{"id": "a", "type": "manual_trigger"}])
    )


@asynccontextmanager
async def listening(who: Someone, flow: Flow) -> AsyncIterator[WebsocketCommunicator]:
    cookie = f"{settings.SESSION_COOKIE_NAME}={who.client.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookie.encode())]
    socket = WebsocketCommunicator(application, f"/ws/flow/{flow.pk}", headers=headers)
    connected, _ = await socket.connect(timeout=60)
    assert connected
    try:
        yield socket
    finally:
        await socket.disconnect()


async def subscribe(socket: WebsocketCommunicator, **more: Any) -> dict[str, Any]:
    await socket.send_to(json.dumps({"type": "subscribe", **more}))
    return json.loads(await socket.receive_from(timeout=60))


async def hear(socket: WebsocketCommunicator, last: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] != last:
        events.append(json.loads(await socket.receive_from(timeout=60)))
    return events


async def test_everybody_in_the_workspace_hears_a_run_from_its_first_event_to_its_last(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    async with listening(people.viewer, flow) as viewer, listening(people.owner, flow) as owner:
        assert (await subscribe(viewer))["runs"] == []
        await subscribe(owner)
        run = await sync_to_async(start)(people.editor.person, flow)
        for socket in (viewer, owner):
            events = await hear(socket, "flow_completed")
            assert [event["type"] for event in events] == FULL_STORY
            assert [event["seq"] for event in events] == [1, 2, 3, 4, 5, 6]
            assert {event["run_id"] for event in events} == {str(run.pk)}


async def test_what_went_wrong_is_said_in_the_language_of_who_listens(
    people: World, worker: RunWorker
) -> None:
    broken = definition([{"id": "a", "type": "set_fields", "config": {"remove": ["x"]}}])
    broken["nodes"][0]["config"]["fields"] = {"x": "{{ run.none.deeper }}"}
    flow = await sync_to_async(make_flow)(people.editor.person, people.workspace, broken)
    await sync_to_async(_reads)(people.viewer, "zh")
    async with listening(people.viewer, flow) as chinese, listening(people.editor, flow) as english:
        await subscribe(chinese)
        await subscribe(english)
        await sync_to_async(start)(people.editor.person, flow)
        said = [(await hear(socket, "flow_failed"))[-1]["data"]["error"] for socket in (chinese, english)]
    assert said[0]["code"] == said[1]["code"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said[0]["message"])
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in said[1]["message"])


def _reads(who: Someone, language: str) -> None:
    who.person.language = language
    who.person.save(update_fields=["language"])


async def test_a_socket_that_comes_late_gets_the_backlog_of_an_active_run(people: World, flow: Flow) -> None:
    run = await sync_to_async(start)(people.editor.person, flow)
    async with listening(people.viewer, flow) as socket:
        snapshot = await subscribe(socket)
        assert snapshot["type"] == "snapshot"
        assert [(shown["id"], shown["state"]) for shown in snapshot["runs"]] == [(str(run.pk), "ready")]
        assert [event["type"] for event in await hear(socket, "run_queued")] == ["run_queued"]


async def test_a_socket_that_comes_back_hears_only_what_it_missed(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    run = await sync_to_async(start)(people.editor.person, flow)
    await sync_to_async(wait_for)(run.pk)
    async with listening(people.viewer, flow) as socket:
        await subscribe(socket, runs={str(run.pk): 4}, follow=True)
        assert [event["seq"] for event in await hear(socket, "flow_completed")] == [5, 6]
        newer = await sync_to_async(start)(people.editor.person, flow)
        events = await hear(socket, "flow_completed")
        assert {event["run_id"] for event in events} == {str(newer.pk)}


async def test_a_socket_hears_nothing_of_other_flows_and_nothing_before_it_asks(
    people: World, flow: Flow
) -> None:
    other = await sync_to_async(make_flow)(
        people.editor.person, people.workspace, flow.definition.body, "Other"
    )
    theirs = await sync_to_async(start)(people.editor.person, other)
    async with listening(people.viewer, flow) as socket:
        assert await socket.receive_nothing(timeout=0.3)
        await subscribe(socket, runs={str(theirs.pk): 0})
        assert await socket.receive_nothing(timeout=0.5)


async def test_a_member_who_is_removed_loses_the_socket(people: World, flow: Flow) -> None:
    async with listening(people.viewer, flow) as socket:
        await subscribe(socket)
        await sync_to_async(member_remove)(people.owner.person, people.workspace, people.viewer.person.pk)
        closed = await socket.receive_output(timeout=60)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4404)


@pytest.mark.parametrize(
    "message",
    ["not json", "[]", "{}", '{"type": "dance"}', '{"type": "subscribe", "runs": {"x": 1}}',
     '{"type": "subscribe", "runs": {"7b0e2c0e-9e29-4b2c-8a55-222222222222": -1}}', "[" * 30_000,
     '{"type": "debug", "command": "set_inputs", "inputs": {"value": NaN}}',
     '{"type": "debug", "command": "set_inputs", "inputs": {"value": "\\ud800"}}',
     '{"type": "debug", "command": "set_inputs", "inputs": {"value": "\\u0000"}}'],
)  # fmt: skip
async def test_a_message_that_is_none_of_ours_closes_the_socket(
    people: World, flow: Flow, message: str
) -> None:
    async with listening(people.viewer, flow) as socket:
        await socket.send_to(message)
        closed = await socket.receive_output(timeout=60)
        assert (closed["type"], closed["code"]) == ("websocket.close", 4400)


async def test_who_asks_for_bundles_gets_events_that_are_sent_together_in_one_message(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    run = await sync_to_async(start)(people.editor.person, flow)
    await sync_to_async(wait_for)(run.pk)
    async with listening(people.viewer, flow) as socket:
        await subscribe(socket, runs={str(run.pk): 0}, bundle=True)
        message = json.loads(await socket.receive_from(timeout=60))
        assert message["type"] == "events"
        assert [event["type"] for event in message["events"]] == FULL_STORY


def test_a_run_that_has_been_told_to_its_end_is_not_told_again_while_an_older_one_goes_on(
    people: World, flow: Flow
) -> None:
    feed = Feed(flow.pk, {}, follow=True)
    older, newer = (start(people.editor.person, flow) for _ in range(2))
    assert len(feed.read().events) == 2
    run_cancel(person=people.editor.person, workspace_id=people.workspace.pk, run_id=newer.pk)
    assert ["run_cancelled" in event for event in feed.read().events] == [True]
    for _ in range(3):
        assert feed.read().events == []
    run_cancel(person=people.editor.person, workspace_id=people.workspace.pk, run_id=older.pk)
    assert ["run_cancelled" in event for event in feed.read().events] == [True]
    assert feed.read().events == []


async def test_a_thousand_events_arrive_in_order(people: World, flow: Flow) -> None:
    from django.utils import timezone

    from apps.executions.models import RunEvent

    run = await sync_to_async(start)(people.editor.person, flow)

    def fill() -> None:
        RunEvent.objects.bulk_create(
            RunEvent(run=run, seq=seq, type="log", at=timezone.now(), data={}) for seq in range(2, 1201)
        )
        Run.objects.filter(pk=run.pk).update(last_seq=1200)

    await sync_to_async(fill)()
    async with listening(people.viewer, flow) as socket:
        await subscribe(socket)
        seqs = [json.loads(await socket.receive_from(timeout=60))["seq"] for _ in range(1200)]
        assert seqs == list(range(1, 1201))


async def test_a_flood_of_messages_ends_the_socket(people: World, flow: Flow) -> None:
    async with listening(people.viewer, flow) as socket:
        for _ in range(80):
            await socket.send_to(json.dumps({"type": "unsubscribe"}))
        output = await socket.receive_output(timeout=60)
        assert (output["type"], output["code"]) == ("websocket.close", 4529)


async def test_a_person_has_so_many_sockets_and_others_have_theirs(
    people: World, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.executions.consumers.MAX_SOCKETS_PER_PERSON", 1)
    async with listening(people.viewer, flow) as socket:
        await subscribe(socket)
        async with listening(people.viewer, flow) as second:
            output = await second.receive_output(timeout=60)
            assert (output["type"], output["code"]) == ("websocket.close", 4503)
        async with listening(people.editor, flow) as other:
            await subscribe(other)
    async with listening(people.viewer, flow) as again:
        await subscribe(again)
