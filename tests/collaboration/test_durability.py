"""What was acknowledged survives ``kill -9``; two processes over a bus end with the same document."""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from studio_project.supervisor.valkey import find_server
from tests.collaboration.client import DocClient, until
from tests.collaboration.server import Place, Server, free_port, prepared_place, running

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
