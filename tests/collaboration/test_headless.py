"""The headless writer and the HTTP routes over the live document, without any room."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from apps.collaboration.models import Document, DocumentUpdate
from apps.collaboration.selectors import definition_current, document_bytes, flow_projection
from apps.collaboration.services import document_ensure, patch_apply
from apps.collaboration.services.upkeep import document_compact
from apps.flows.models import Definition, Flow
from apps.flows.services import flow_create, flow_projected
from sage_studio.flow import Patch, apply, canonical, parse_patch, parse_plain
from tests.world import World

FLOW: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "inner",
    "settings": {"timeout_s": 30},
    "nodes": [
        {"id": "start", "type": "manual_trigger", "pos": [0, 0]},
        {
            "id": "ask",
            "type": "llm",
            "pos": [200.5, 0],
            "config": {"prompt": "Say é 😀 now", "max_tokens": 100},
        },
        {"id": "keep", "type": "data_filter", "pos": [400, 0], "config": {"x": {"deep": [1, 2.5]}}},
    ],
    "edges": [
        {"source": "start", "source_port": "inputs", "target": "ask", "target_port": "prompt"},
        {"source": "ask", "source_port": "text", "target": "keep", "target_port": "items"},
    ],
    "notes": [{"id": "n1", "text": "hello", "pos": [1, 2]}],
}


@pytest.fixture
def flow(world: World) -> Flow:
    return flow_create(person=world.owner.person, workspace=world.workspace, name="Asking", definition=FLOW)


def patched(world: World, flow: Flow, *operations: dict[str, Any], partial: bool = False) -> Any:
    patch = parse_patch({"schema": "sage-studio/patch@1", "base": None, "operations": list(operations)})
    return patch_apply(world.editor.person, flow.pk, patch, partial)


def current(flow: Flow) -> dict[str, Any]:
    return dict(canonical(parse_plain(flow_projection(flow).document)))


def test_a_document_made_from_a_definition_projects_back_onto_it(flow: Flow) -> None:
    document_ensure(flow.pk)
    assert current(flow) == flow.definition.body
    assert flow_projection(flow).problems == ()
    assert definition_current(flow).pk == flow.definition_id


def test_a_patch_changes_the_document_and_its_inverse_brings_it_back(world: World, flow: Flow) -> None:
    before = current(flow)
    result = patched(
        world,
        flow,
        {"op": "set", "node": "ask", "path": ["config", "max_tokens"], "value": 200, "was": 100},
        {
            "op": "edit_text",
            "node": "ask",
            "path": ["texts", "prompt"],
            "delta": [{"retain": 6}, {"delete": 1}],
        },
        {"op": "remove_node", "id": "keep"},
        {"op": "add_node", "node": {"id": "extra", "type": "merge", "pos": [9, 9]}},
        {"op": "move", "node": "start", "pos": [5, 5]},
        {"op": "set_flow", "path": ["name"], "value": "Renamed"},
        {"op": "set_flow", "path": ["notes", "n1"], "value": {"id": "n1", "text": "changed"}},
    )
    changed = current(flow)
    nodes = {node["id"]: node for node in changed["nodes"]}
    assert set(nodes) == {"start", "ask", "extra"}
    assert nodes["ask"]["config"] == {"prompt": "Say é  now", "system": "", "max_tokens": 200}
    assert changed["name"] == "Renamed"
    assert changed["notes"][0]["text"] == "changed"
    assert [edge["target"] for edge in changed["edges"]] == ["ask"]
    patch_apply(world.editor.person, flow.pk, result.inverse)
    assert current(flow) == before


def test_operations_whose_ground_has_changed_are_conflicts(world: World, flow: Flow) -> None:
    stale = {"op": "set", "node": "ask", "path": ["config", "max_tokens"], "value": 5, "was": 99}
    fine = {"op": "set_flow", "path": ["name"], "value": "Still"}
    url = f"{world.url}/flows/{flow.pk}/patches"
    body = {"schema": "sage-studio/patch@1", "operations": [stale, fine]}
    refused = world.editor.client.post(url, body)
    assert refused.status_code == 409
    assert refused.json()["code"] == "patch.conflict"
    assert current(flow)["name"] == "Asking"
    partly = world.editor.client.post(f"{url}?partial=1", body).json()
    assert (partly["applied"], len(partly["conflicts"])) == (1, 1)
    assert partly["conflicts"][0]["now"] == 100
    assert current(flow)["name"] == "Still"


def test_renaming_goes_through_the_document(world: World, flow: Flow) -> None:
    answer = world.editor.client.patch(f"{world.url}/flows/{flow.pk}", {"name": "Better"})
    assert answer.json()["name"] == "Better"
    assert current(flow)["name"] == "Better"
    origins = (
        DocumentUpdate.objects.filter(document_id=flow.pk).order_by("seq").values_list("origin", flat=True)
    )
    assert list(origins) == ["seed", "settings"]


def test_a_patch_that_changes_nothing_writes_nothing(world: World, flow: Flow) -> None:
    patched(world, flow, {"op": "set_flow", "path": ["name"], "value": "Asking"})
    assert Document.objects.get(pk=flow.pk).head_seq == 1


def test_each_route_asks_for_its_role(world: World, flow: Flow) -> None:
    base = f"{world.url}/flows/{flow.pk}"
    for name, client in world.everyone().items():
        member = name in ("owner", "editor", "viewer")
        outside = 401 if name == "anonymous" else 404
        for path in ("", "/definition", "/problems"):
            assert client.get(base + path).status_code == (200 if member else outside), (name, path)
        body = {"schema": "sage-studio/patch@1", "operations": []}
        writes = client.post(f"{base}/patches", body).status_code
        assert writes == (200 if name in ("owner", "editor") else 403 if name == "viewer" else outside), name
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}/flows/{flow.pk}"
    assert world.stranger.client.get(elsewhere).status_code == 404


def test_a_deleted_flow_is_gone_from_every_route(world: World, flow: Flow) -> None:
    base = f"{world.url}/flows/{flow.pk}"
    assert world.editor.client.delete(base).status_code == 204
    assert world.owner.client.get(base).status_code == 404
    assert world.owner.client.get(f"{world.url}/flows").json()["items"] == []
    assert Definition.objects.filter(pk=flow.definition_id).exists()


def test_definitions_are_made_once_per_state(world: World, flow: Flow) -> None:
    patched(world, flow, {"op": "set_flow", "path": ["name"], "value": "A"})
    first = definition_current(flow)
    assert definition_current(flow).pk == first.pk
    patched(world, flow, {"op": "set_flow", "path": ["name"], "value": "B"})
    patched(world, flow, {"op": "set_flow", "path": ["name"], "value": "A"})
    assert definition_current(flow).pk == first.pk
    assert Flow.objects.get(pk=flow.pk).name == "A"


@pytest.mark.django_db(transaction=True)
def test_whoever_looks_while_a_projection_is_stored_never_takes_the_old_state_for_the_new(
    world: World, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    patched(world, flow, {"op": "set_flow", "path": ["name"], "value": "Newer"})
    seen = []

    def meanwhile(**facts: Any) -> None:
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(in_a_connection_of_its_own, shown_as_current, flow.pk).result())
        flow_projected(**facts)

    monkeypatch.setattr("apps.collaboration.selectors.flow_projected", meanwhile)

    newest = definition_current(flow)

    assert seen == [None]
    assert shown_as_current(flow.pk) == newest.pk


def shown_as_current(flow_id: uuid.UUID) -> uuid.UUID | None:
    """The definition that the flow's row names, if it claims to be up to date."""
    document = Document.objects.get(pk=flow_id)
    up_to_date = document.projected_seq >= document.head_seq
    return Flow.objects.get(pk=flow_id).definition_id if up_to_date else None


def in_a_connection_of_its_own(call: Callable[[uuid.UUID], Any], flow_id: uuid.UUID) -> Any:
    try:
        return call(flow_id)
    finally:
        connection.close()


def test_compaction_keeps_the_content_and_shortens_the_journal(world: World, flow: Flow) -> None:
    for number in range(30):
        patched(world, flow, {"op": "set_flow", "path": ["description"], "value": f"step {number}"})
    before = current(flow)
    assert document_compact(flow.pk)
    assert len(document_bytes(flow.pk).updates) == 1
    assert current(flow) == before
    patched(world, flow, {"op": "set_flow", "path": ["description"], "value": "after"})
    assert current(flow)["description"] == "after"


@pytest.mark.parametrize("seed", range(8))
def test_random_patches_give_what_the_plain_patch_gives(world: World, flow: Flow, seed: int) -> None:
    """The document and the pure function agree operation by operation, and so do their inverses."""
    chance = random.Random(seed)
    expected = parse_plain(current(flow))
    for step in range(25):
        operations: list[Any] = [
            _random_operation(chance, expected, step) for _ in range(chance.randrange(1, 4))
        ]
        patch = parse_patch({"schema": "sage-studio/patch@1", "operations": operations})
        outcome = apply(expected, patch, partial=True)
        expected = outcome.document
        patch_apply(world.editor.person, flow.pk, patch, partial=True)
        assert current(flow) == canonical(expected), operations
        if chance.random() < 0.2 and isinstance(outcome.inverse, Patch):
            expected = apply(expected, outcome.inverse, partial=True).document
            patch_apply(world.editor.person, flow.pk, outcome.inverse, partial=True)
            assert current(flow) == canonical(expected), outcome.inverse.dump()


def _random_operation(chance: random.Random, flow: Any, step: int) -> dict[str, Any]:
    ids = [node.id for node in flow.nodes] or ["nobody"]
    node, other = chance.choice(ids), chance.choice(ids)
    match chance.randrange(9 if node != other else 8):  # an edge to itself is a loop, left out of flows
        case 0:
            return {
                "op": "add_node",
                "node": {
                    "id": f"n{step}_{chance.randrange(9)}",
                    "type": "llm",
                    "config": {"prompt": "p" * chance.randrange(3), "system": "", "k": step},
                },
            }
        case 1:
            return {"op": "remove_node", "id": node}
        case 2:
            return {
                "op": "set",
                "node": node,
                "path": ["config", chance.choice("ab")],
                "value": chance.choice([1, "x", [1]]),
            }
        case 3:
            return {"op": "unset", "node": node, "path": ["config", chance.choice("ab")]}
        case 4:
            return {
                "op": "edit_text",
                "node": node,
                "path": ["texts", "prompt"],
                "delta": [{"insert": f"é{step}😀"}],
            }
        case 5:
            return {"op": "move", "node": node, "pos": [step, chance.random()]}
        case 6:
            return {"op": "set", "node": node, "path": ["name"], "value": f"name {step}"}
        case 7:
            return {"op": "set_flow", "path": ["settings", "timeout_s"], "value": step + 1}
        case _:
            order = ["start", "ask", "keep"]
            ends = sorted((node, other), key=lambda n: (order.index(n) if n in order else 9, n))
            return {
                "op": "add_edge",
                "edge": {
                    "source": ends[0],
                    "source_port": "text",
                    "target": ends[-1],
                    "target_port": f"p{step}",
                },
            }
