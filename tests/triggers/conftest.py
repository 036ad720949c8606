"""Published flows with triggers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.common import outbox
from apps.triggers.models import Trigger
from tests.world import World

Publish = Callable[..., Trigger]


def node(kind: str, config: dict[str, Any] | None = None, node_id: str = "start") -> dict[str, Any]:
    return {"id": node_id, "type": kind, "config": config or {}}


@pytest.fixture
def drawn(world: World) -> Callable[..., str]:
    """Make a flow of nodes; gives its id."""

    def draw(*nodes: dict[str, Any], edges: list[dict[str, Any]] | None = None, **more: Any) -> str:
        definition = {"schema": "sage-studio/flow@1", "name": "Flow", "nodes": [*nodes], "edges": edges or []}
        body = {"name": more.pop("name", "Flow"), "definition": {**definition, **more}}
        made = world.owner.client.post(f"{world.url}/flows", body, format="json")
        assert made.status_code == 201, made.content
        return str(made.json()["id"])

    return draw


@pytest.fixture
def published(world: World, drawn: Callable[..., str]) -> Publish:
    """Make and publish a flow; gives the trigger of its first node."""

    def publish(*nodes: dict[str, Any], edges: list[dict[str, Any]] | None = None, **more: Any) -> Trigger:
        flow_id = drawn(*nodes, edges=edges, **more)
        publish_again(world, flow_id)
        return Trigger.objects.get(flow_id=flow_id, node_id=nodes[0]["id"])

    return publish


def publish_again(world: World, flow_id: str) -> None:
    address = f"{world.url}/flows/{flow_id}"
    made = world.owner.client.post(f"{address}/versions", {"message": "One"}, format="json")
    assert made.status_code == 201, made.content
    number = made.json()["number"]
    assert (
        world.owner.client.post(f"{address}/publish", {"version": number}, format="json").status_code == 200
    )
    while outbox.deliver_due():
        pass
