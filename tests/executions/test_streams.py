"""Streams on the server: a worker is killed in the middle and another one goes on from the checkpoint."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, Run
from apps.files import selectors as files
from sage_studio.plugins.support.resp import RespConnection
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.executions.processes import WorkerProcess
from tests.servers import brokers as servers
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(400)]
COUNT = 4_000


@pytest.fixture
def people(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> World:
    """Servers of this machine may be reached, by the worker process and by the one in this process."""
    monkeypatch.setenv("SAGE_ALLOW_PRIVATE_NETWORK", "127.0.0.0/8")
    settings.ALLOW_PRIVATE_NETWORK = [ip_network("127.0.0.0/8")]
    return make_world()


def _calls(port: int, *commands: tuple[str, ...]) -> list[Any]:
    async def call() -> list[Any]:
        client = RespConnection(*await asyncio.open_connection("127.0.0.1", port))
        answers = [await client.call(*command) for command in commands]
        client.close()
        return answers

    return asyncio.run(call())


def _fill(port: int, first: int) -> None:
    _calls(port, *[("XADD", "orders", "*", "n", str(n)) for n in range(first, first + COUNT)])


def _consumer(port: int) -> dict[str, Any]:
    """It ends by what it has read, not by the clock: a slow machine may take its time in between."""
    nodes = [
        {
            "id": "read",
            "type": "redis_stream_read",
            "config": {"address": f"redis://127.0.0.1:{port}/0", "stream": "orders", "max_items": 2 * COUNT},
        },
        {
            "id": "map",
            "type": "data_map",
            "config": {"fields": {"n": "{{ Number(item.data.n) }}"}, "keep_others": False},
        },
        {"id": "write", "type": "file_writer", "config": {"name": "kept", "format": "jsonl"}},
    ]
    body = definition(nodes, ["read:items>map:items", "map:items>write:value"])
    return {**body, "settings": {"mode": "event"}}


def _wait_for_checkpoint(run: Run) -> None:
    give_up_at = time.monotonic() + 120
    while True:
        row = NodeRun.objects.filter(run=run, node_id="read").order_by("-attempt").first()
        if row is not None and row.outputs and "$checkpoint" in row.outputs:
            return
        assert time.monotonic() < give_up_at, "no checkpoint came"
        time.sleep(0.05)


def _written(run: Run, workspace_id: uuid.UUID) -> list[int]:
    row = NodeRun.objects.get(run=run, node_id="write", state="completed")
    assert row.outputs is not None
    content = files.file_read(workspace_id, row.outputs["file"])
    return [json.loads(line)["n"] for line in content.splitlines()]


@pytest.mark.kill
def test_a_consumer_goes_on_after_kill_and_writes_every_entry_once(
    people: World,
    spawn: Callable[..., WorkerProcess],
    rescue: Callable[[], None],
    tmp_path: Path,
) -> None:
    with servers.valkey(tmp_path) as port:
        _fill(port, 0)
        worker = spawn("a")
        worker.wait_until_ready()
        flow = make_flow(people.editor.person, people.workspace, _consumer(port))
        run = start(people.editor.person, flow)
        _wait_for_checkpoint(run)
        worker.kill()
        _fill(port, COUNT)
        rescue()
        ended = wait_for(run.pk, wait_s=120)
        assert ended.state == "completed", ended.error
        assert _written(ended, people.workspace.pk) == list(range(2 * COUNT))
        assert _calls(port, ("XPENDING", "orders", "sage"))[0][0] == 0
        read = NodeRun.objects.get(run=run, node_id="read", state="completed")
        assert read.outputs is not None
        assert read.outputs["items"]["items"] == 2 * COUNT
        assert read.attempt == 1


def test_a_paused_consumer_goes_on_when_it_is_resumed(people: World, tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as port:
        _fill(port, 0)
        flow = make_flow(people.editor.person, people.workspace, _consumer(port))
        worker = RunWorker(node_threads=2)
        worker.start()
        try:
            run = start(people.editor.person, flow)
            _wait_for_running(run)
            url = f"{people.url}/runs/{run.pk}/commands"
            assert people.editor.client.post(url, {"command": "pause"}).status_code == 202
            paused = wait_for(run.pk, "paused", wait_s=120)
            assert paused.state == "paused"
            _fill(port, COUNT)
            assert people.editor.client.post(url, {"command": "resume"}).status_code == 202
            ended = wait_for(run.pk, "completed", wait_s=120)
        finally:
            worker.stop()
        assert ended.state == "completed", ended.error
        assert _written(ended, people.workspace.pk) == list(range(2 * COUNT))


def _wait_for_running(run: Run) -> None:
    give_up_at = time.monotonic() + 120
    while not NodeRun.objects.filter(run=run, node_id="read", state="running").exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
