"""What was acknowledged survives ``kill -9``; two processes over a bus end with the same document."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from studio_project.supervisor.valkey import find_server
from tests.collaboration.client import DocClient, until
from tests.collaboration.server import ROOT, Place, Server, free_port, prepared_place, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
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
            await until(lambda: sum(c.acked for c in clients.values()) > 150, 30)
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
        await asyncio.wait_for(_client(server, flow_id, "w", clients), 60)
    promised = {f"w.{number}" for number in range(clients["w"].acked - 1)}
    assert promised <= set(_stored_notes(place, flow_id))


CHANGE = """
import django
django.setup()
from apps.collaboration.services import patch_apply
from apps.collaboration.services.upkeep import document_compact
from apps.accounts.models import Person
from sage_studio.flow import parse_patch
import uuid
person = Person.objects.get(email="owner@example.org")
flow_id = uuid.UUID({flow_id!r})
def add(name):
    node = {{"id": name, "type": "manual_trigger", "pos": [0, 0]}}
    patch = {{"schema": "sage-studio/patch@1", "operations": [{{"op": "add_node", "node": node}}]}}
    patch_apply(person, flow_id, parse_patch(patch))
from apps.common import failpoints
for name in ("a", "b", "c"):
    add(name)
failpoints.configure({point!r} + ":kill")
{act}
"""


def _die_in(place: Place, flow_id: str, point: str, act: str) -> int:
    """A program of its own adds three nodes, then dies at the point; its exit code."""
    script = CHANGE.format(flow_id=flow_id, point=point, act=act)
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=place.environment, cwd=ROOT, check=False).returncode


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
@pytest.mark.parametrize("point", ["document.compact", "document.compacted"])
def test_dying_while_a_journal_is_shortened_changes_nothing(place: Place, point: str) -> None:
    flow_id = place.new_flow()
    assert _die_in(place, flow_id, point, "document_compact(flow_id)") == -signal.SIGKILL
    assert _stored_nodes(place, flow_id) == {"a", "b", "c"}


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


async def test_two_processes_converge_over_the_bus(redis_url: str, tmp_path: Path) -> None:
    with (
        prepared_place(tmp_path, REDIS_URL=redis_url) as place,
        running(place, count=2) as (first, second),
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
            await a.say_presence({"cursor": 1})
            await until(
                lambda: (b.presence.get(a.doc.client_id) or {}).get("user", {}).get("name") == "Owner"
            )
        async with second.join("viewer", flow_id=flow_id) as late:
            assert len(late.content()["notes"]) == 40
        assert set(_stored_notes(place, flow_id)) == {f"n{step}" for step in range(40)}


async def test_two_processes_without_a_bus_still_follow_the_journal(place: Place) -> None:
    with running(place, count=2) as (first, second):
        flow_id = place.new_flow()
        async with first.join("owner", flow_id=flow_id) as a, second.join("editor", flow_id=flow_id) as b:
            await a.put("notes", "from a", 1)
            await b.put("notes", "from b", 2)
            await until(lambda: a.content() == b.content() and len(a.content()["notes"]) == 2, 4)
