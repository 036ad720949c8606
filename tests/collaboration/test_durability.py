"""What was acknowledged survives ``kill -9``; two processes over a bus end with the same document."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from apps.collaboration.rooms.socket import Close
from studio_project.supervisor.valkey import find_server
from tests.collaboration.client import DocClient, until
from tests.collaboration.server import Place, Server, free_port, prepared_place, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
]  # servers start in seconds, on a busy machine in tens
ROUNDS = 3
WRITERS = 4


async def _write_until_cut_off(client: DocClient, name: str) -> None:
    """One key per change; ``client.acked`` counts how many frames are on disk."""
    with suppress(ConnectionClosed):
        for number in range(10_000):
            await client.put("notes", f"{name}.{number}", number)
            await asyncio.sleep(0.003)


def _stored_notes(place: Place, flow_id: str) -> dict[str, Any]:
    script = (
        "import json\n"
        "from apps.collaboration.selectors import document_load\n"
        "from apps.collaboration.documents.library import LiveDoc\n"
        f"print(json.dumps(LiveDoc(document_load({flow_id!r}).updates).dump()['notes']))"
    )
    return dict(json.loads(place.run(script)))


@pytest.mark.kill
async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(place: Place) -> None:
    """Sent frames are the answer to the server's sync request, then one per key, in order: a frame
    count of n says that the keys up to n - 2 are on disk."""
    flow_id = place.new_flow()
    promised: set[str] = set()
    clients: dict[str, DocClient] = {}
    for round_number in range(ROUNDS):
        server = Server(place, free_port())
        server.start()
        clients.clear()
        async with asyncio.TaskGroup() as tasks:
            for writer in range(WRITERS):
                name = f"r{round_number}w{writer}"
                tasks.create_task(_client(server, flow_id, name, clients))
            await until(lambda: sum(c.acked for c in clients.values()) > 150)
            server.kill()
        for name, client in clients.items():
            promised |= {f"{name}.{number}" for number in range(client.acked - 1)}
        missing = promised - set(_stored_notes(place, flow_id))
        assert not missing
    assert len(promised) > 300


async def _client(server: Server, flow_id: str, name: str, clients: dict[str, DocClient]) -> None:
    with suppress(ConnectionClosed):
        async with server.join("editor", flow_id=flow_id) as client:
            await until(lambda: client.sent_frames >= 1)
            clients[name] = client
            await _write_until_cut_off(client, name)


@pytest.mark.kill
@pytest.mark.parametrize("point", ["document.before_commit:kill@5", "document.after_commit:kill@5"])
async def test_dying_at_the_commit_loses_nothing_that_was_promised(place: Place, point: str) -> None:
    flow_id = place.new_flow()
    clients: dict[str, DocClient] = {}
    with running(place, SAGE_FAILPOINTS=point) as (server,):
        async with asyncio.timeout(120):
            await _client(server, flow_id, "w", clients)
    promised = {f"w.{number}" for number in range(clients["w"].acked - 1)}
    assert promised <= set(_stored_notes(place, flow_id))


CHANGE = """
import os, uuid
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone
from apps.accounts.models import Person
from apps.collaboration.models import Document
from apps.collaboration.services import document_purge, document_rebase, document_recover, patch_apply
from apps.collaboration.services.upkeep import document_compact
from apps.common import failpoints
from sage_studio.flow import parse_patch
flow_id = uuid.UUID({flow_id!r})
def apply(operation):
    patch = {{"schema": "sage-studio/patch@1", "operations": [operation]}}
    patch_apply(person, flow_id, parse_patch(patch), True)
def add(name):
    apply({{"op": "add_node", "node": {{"id": name, "type": "manual_trigger", "pos": [0, 0]}}}})
def remove(name):
    apply({{"op": "remove_node", "id": name}})
def set_aside(flow_id):
    Document.objects.filter(pk=flow_id).update(quarantined_at=timezone.now())
connections.close_all()
if connection.vendor == "postgresql":
    connection.close_pool()
pid = os.fork()
if pid == 0:
    try:
        person = Person.objects.get(email="owner@example.org")
        for name in ("a", "b", "c"):
            add(name)
        failpoints.configure({point!r} + ":kill")
        {act}
    finally:
        os._exit(0)
_, status = os.waitpid(pid, 0)
print(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
"""


def _die_in(place: Place, flow_id: str, point: str, act: str) -> int:
    """A process of its own adds three nodes, then dies at the point; its exit code."""
    return int(place.run(CHANGE.format(flow_id=flow_id, point=point, act=act)))


def _stored_nodes(place: Place, flow_id: str) -> set[str]:
    script = (
        "from apps.collaboration.selectors import document_load\n"
        "from apps.collaboration.documents.library import LiveDoc\n"
        f"print(' '.join(LiveDoc(document_load({flow_id!r}).updates).dump()['nodes']))"
    )
    return set(place.run(script).split())


@pytest.mark.kill
@pytest.mark.parametrize(("point", "more"), [("document.patch", set()), ("document.patched", {"d"})])
def test_dying_in_the_headless_writer_leaves_the_change_whole_or_not_at_all(
    place: Place, point: str, more: set[str]
) -> None:
    flow_id = place.new_flow()
    assert _die_in(place, flow_id, point, 'add("d")') == -signal.SIGKILL
    assert _stored_nodes(place, flow_id) == {"a", "b", "c"} | more


@pytest.mark.kill
@pytest.mark.parametrize(
    ("points", "act"),
    [
        ("document.compact document.compacted", "document_compact(flow_id)"),
        ("document.rebase document.rebased", "document_rebase(flow_id, force=True)"),
        ("document.recover document.recovered", "set_aside(flow_id); document_recover(person, flow_id)"),
    ],
)
def test_dying_while_a_journal_is_shortened_or_begun_anew_changes_nothing(
    place: Place, points: str, act: str
) -> None:
    for point in points.split():
        flow_id = place.new_flow()
        assert _die_in(place, flow_id, point, act) == -signal.SIGKILL
        assert _stored_nodes(place, flow_id) == {"a", "b", "c"}


@pytest.mark.kill
@pytest.mark.parametrize(("point", "gone"), [("document.purge", False), ("document.purged", True)])
def test_dying_while_old_deletions_are_purged_leaves_all_of_them_or_none(
    place: Place, point: str, gone: bool
) -> None:
    flow_id = place.new_flow()
    act = "remove('c'); settings.DOCUMENT_PURGE_AFTER_S = -1; document_purge(flow_id)"
    assert _die_in(place, flow_id, point, act) == -signal.SIGKILL
    assert _stored_nodes(place, flow_id) == {"a", "b"} | (set() if gone else {"c"})


async def test_a_large_document_is_looked_after_in_another_process_which_may_die(place: Place) -> None:
    """Every document counts as large here; what its process leaves undone the next one does."""
    flow_id = place.new_flow()
    times = "DOCUMENT_UPKEEP_APART_BYTES=1,DOCUMENT_COMPACT_AFTER_ROWS=5,DOCUMENT_COMPACT_AGAIN_S=0,"
    times += "DOCUMENT_SETTLE_S=0.2,DOCUMENT_SETTLE_AT_MOST_S=1"
    module = "infra.chaos.rooms.settings"
    with running(place, DJANGO_SETTINGS_MODULE=module, SAGE_CHAOS_TIMES=times) as (server,):
        async with server.join("editor", flow_id=flow_id) as client:
            edits = asyncio.create_task(_write_until_cut_off(client, "k"))
            first = await _upkeep_process(server)
            first.kill()
            await until(lambda: _snapshot_seq(place, flow_id) > 1)
            assert (await _upkeep_process(server)).pid != first.pid
            edits.cancel()
    assert len(_stored_notes(place, flow_id)) >= client.acked - 1


async def _upkeep_process(server: Server) -> psutil.Process:
    assert server.process is not None
    web = psutil.Process(server.process.pid)
    found: list[psutil.Process] = []

    def looked() -> bool:
        with suppress(psutil.NoSuchProcess):
            found[:] = [child for child in web.children() if "settle_documents" in child.cmdline()]
        return bool(found)

    await until(looked)
    return found[0]


def _snapshot_seq(place: Place, flow_id: str) -> int:
    script = (
        "from apps.collaboration.models import Document\n"
        f"print(Document.objects.get(pk={flow_id!r}).snapshot_seq)"
    )
    return int(place.run(script))


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Valkey (or Redis) of our own on a free port."""
    program = find_server()
    if program is None:
        pytest.skip("neither Valkey nor Redis is at hand")
    port = free_port()
    folder = tmp_path_factory.mktemp("valkey")
    command = [str(program), "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


async def test_two_processes_follow_each_other_over_a_bus_that_loses_hints(
    redis_url: str, tmp_path: Path
) -> None:
    """Two in five hints go missing; then a role changes and a process is told to stop."""
    with (
        prepared_place(tmp_path, REDIS_URL=redis_url) as place,
        running(place, count=2, SAGE_FAILPOINTS="bus.publish:error%40") as (first, second),
    ):
        flow_id = place.new_flow()
        async with first.join("owner", flow_id=flow_id) as a, second.join("editor", flow_id=flow_id) as b:
            for step in range(40):
                await (a if step % 2 else b).put("notes", f"n{step}", step)
                if step % 7 == 0:
                    await asyncio.sleep(0.03)
            await a.all_acked()
            await b.all_acked()
            await until(lambda: a.content() == b.content() and len(a.content()["notes"]) == 40)
            await _a_demoted_person_keeps_what_was_acknowledged(place, first, flow_id, b)
            await _a_process_that_stops_sends_its_people_on(first, a)
        async with second.join("viewer", flow_id=flow_id) as late:
            # The word of the last ten may be lost too: that costs a look of the second process, nothing else.
            await until(lambda: len(late.content()["notes"]) == 50)
        assert len(_stored_notes(place, flow_id)) == 50


async def _a_demoted_person_keeps_what_was_acknowledged(
    place: Place, first: Server, flow_id: str, b: DocClient
) -> None:
    """The same person in both processes, over a bus that may lose the word of it."""
    async with first.join("editor", flow_id=flow_id) as also:
        change = "from apps.workspaces.models import Membership as M\n"
        change += "M.objects.filter(person__email='editor@example.org').update(role='viewer')"
        await asyncio.to_thread(place.run, change)
        await until(lambda: b.roles == ["viewer"] and also.roles == ["viewer"])
        assert len(_stored_notes(place, flow_id)) == 40
        await also.put("notes", "too late", 1)
        await until(lambda: also.close_code == Close.FORBIDDEN)
        assert also.notices[-1]["code"] == "document.read_only"
    assert b.close_code is None


async def _a_process_that_stops_sends_its_people_on(server: Server, client: DocClient) -> None:
    """What it has read is acknowledged first; the code says to come back at once."""
    for step in range(10):
        await client.put("notes", f"last{step}", step)
    await client.all_acked()
    assert server.process is not None
    server.process.terminate()
    await until(lambda: client.close_code is not None)
    assert client.close_code == Close.DRAIN


async def test_two_processes_without_a_bus_still_follow_the_journal(place: Place) -> None:
    with running(place, count=2) as (first, second):
        flow_id = place.new_flow()
        async with first.join("owner", flow_id=flow_id) as a, second.join("editor", flow_id=flow_id) as b:
            await a.put("notes", "from a", 1)
            await b.put("notes", "from b", 2)
            await until(lambda: a.content() == b.content() and len(a.content()["notes"]) == 2)
