"""An agent whose worker is killed: another goes on with what was said and done, and pays for none twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from apps.executions.models import NodeRun
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.executions.processes import WorkerProcess
from tests.servers.mcp import over_http
from tests.servers.models import KEY, ModelServer, Said
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def people(
    transactional_db: None, model: ModelServer, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> World:
    """Servers of this machine may be reached, by the worker process and by the one in this process."""
    values = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    for name, value in {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", **values}.items():
        monkeypatch.setenv(name, value)
    for name, value in values.items():
        setattr(settings, name, value)
    settings.ALLOW_PRIVATE_NETWORK = [ip_network("127.0.0.0/8")]
    return make_world()


@pytest.mark.kill
def test_an_agent_goes_on_after_kill_and_pays_for_nothing_twice(
    people: World, model: ModelServer, spawn: Callable[..., WorkerProcess], rescue: Callable[[], None]
) -> None:
    sums: list[tuple[int, int]] = []
    server = MCPServer("sums")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        sums.append((a, b))
        return a + b

    told = [
        Said(calls=(("add", {"a": 2, "b": 3}),)),
        Said("This answer is lost."),
        Said(calls=(("add", {"a": 5, "b": 6}),)),
        Said("It is 11."),
    ]

    def answers(_request: Any) -> Said:
        said = told.pop(0)
        if "lost" in said.text:
            model.hold()
        return said

    model.answers = answers
    with over_http(server) as address:
        config = {
            "task": "Add.", "model": "claude-haiku-test", "mcp_address": address, "mcp_tools": ["add"],
        }  # fmt: skip
        flow = make_flow(
            people.editor.person,
            people.workspace,
            definition([{"id": "agent", "type": "agent", "config": config}], []),
        )
        worker = spawn("a")
        worker.wait_until_ready()
        run = start(people.editor.person, flow)
        give_up_at = time.monotonic() + 120
        while len(model.asked) < 2:
            assert time.monotonic() < give_up_at, "the model is not asked a second time"
            time.sleep(0.02)
        assert sums == [(2, 3)]
        worker.kill()
        model.released.set()
        rescue()
        ended = wait_for(run.pk, wait_s=120)

    assert ended.state == "completed", ended.error
    assert sums == [(2, 3), (5, 6)]
    # Asked twice is only what was being answered when the worker died.
    assert len(model.asked) == 4
    made = NodeRun.objects.get(run=run, node_id="agent", state="completed").outputs
    assert made is not None
    assert made["answer"] == "It is 11."
    assert [step["tool"] for step in made["steps"] if step.get("tool")] == ["add", "add"]
