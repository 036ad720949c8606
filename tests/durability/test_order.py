"""Inside a run: nothing happens in the world before what it follows from is on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import Run
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Context, Effect, Node, NodeOutput, NodeSpec, Port, text
from tests.durability.witness import seen_from_outside
from tests.executions.conftest import CALM
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import make_world

pytestmark = pytest.mark.django_db(transaction=True)
SEEN: dict[tuple[str, str], str | None] = {}


def _spec(node_id: str, effect: Effect) -> NodeSpec:
    words = text(node_id, node_id)
    return NodeSpec(
        id=node_id,
        name=words,
        description=words,
        category="utility",
        icon="dot",
        inputs=(Port(name="value", label=words),),
        outputs=(Port(name="value", label=words),),
        effect=effect,
    )


def _state(run_id: str, node_id: str) -> str | None:
    query = "SELECT state FROM executions_noderun WHERE run_id = %s AND node_id = %s"
    return seen_from_outside(query, [run_id.replace("-", ""), node_id])


class Peek(Node):
    """At the moment of its effect: what does the disk say of it, and of the node before it?"""

    spec: ClassVar = _spec("test_peek", "idempotent")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        SEEN[ctx.node_id, "itself"] = _state(ctx.run_id, ctx.node_id)
        if before := inputs.get("value"):
            SEEN[ctx.node_id, "before"] = _state(ctx.run_id, before)
        return {"value": ctx.node_id}


class PeekOnce(Peek):
    spec: ClassVar = _spec("test_peek_once", "at_most_once")


@pytest.fixture
def run(transactional_db: None) -> Iterator[Run]:
    """A finished run of a chain of nodes that looked."""
    SEEN.clear()
    registry = builtin_registry()
    for node in (Peek, PeekOnce):
        if registry.get(node.spec.id) is None:
            registry.add(node)
    people = make_world()
    kinds = ("test_peek", "test_peek_once", "test_peek", "test_peek_once")
    nodes = [{"id": f"n{i}", "type": kind} for i, kind in enumerate(kinds)]
    body = definition(nodes, [f"n{i}:value>n{i + 1}:value" for i in range(len(kinds) - 1)])
    flow = make_flow(people.editor.person, people.workspace, body)
    started = start(people.editor.person, flow)
    worker = RunWorker(times=CALM, node_threads=2)
    worker.start()
    yield wait_for(started.pk, wait_s=120)
    worker.stop()


def test_a_node_with_an_effect_runs_when_the_one_before_it_is_on_disk(run: Run) -> None:
    assert run.state == "completed", run.error
    assert [SEEN[f"n{i}", "before"] for i in (1, 2, 3)] == ["completed"] * 3


def test_a_node_nobody_may_repeat_is_on_disk_as_running_before_its_effect(run: Run) -> None:
    assert run.state == "completed", run.error
    assert [SEEN[f"n{i}", "itself"] for i in (1, 3)] == ["running"] * 2
