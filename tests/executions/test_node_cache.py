"""Outputs of nodes without effects, kept between runs of a workspace."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import CachedNode, RunEvent
from apps.executions.services import cached_node_get, cached_node_put
from apps.flows.models import Flow
from tests.executions import ledger
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


def cached_flow(people: World, path: Path, *, where: str = "", kind: str = "test_ledger_pure") -> Flow:
    nodes = [
        {
            "id": "slow",
            "type": kind,
            "cache": True,
            "config": {"path": str(path), "give": "{{ flow.inputs.n }}"},
        }
    ]
    if where == "elsewhere":
        return make_flow(people.stranger.person, people.elsewhere, definition(nodes))
    return make_flow(people.editor.person, people.workspace, definition(nodes))


def outputs(people: World, flow: Flow, n: Any) -> Any:
    person = people.editor.person if flow.workspace_id == people.workspace.pk else people.stranger.person
    ended = wait_for(start(person, flow, n=n).pk)
    assert ended.state == "completed", ended.error
    return ended.outputs


def test_a_second_run_with_equal_settings_takes_what_the_first_has_kept(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "l"
    flow = cached_flow(people, path)
    big = [{"n": i, "text": "ü" * 20} for i in range(4000)]
    for given in (1, big):
        first = outputs(people, flow, given)
        assert outputs(people, flow, given) == first
    assert len(ledger.lines(path)) == 2
    last = RunEvent.objects.filter(type="node_completed").latest("at")
    assert last.data["cached"] is True
    outputs(people, flow, 2)
    assert len(ledger.lines(path)) == 3


def test_another_workspace_has_its_own(people: World, worker: RunWorker, tmp_path: Path) -> None:
    path = tmp_path / "l"
    outputs(people, cached_flow(people, path), 1)
    outputs(people, cached_flow(people, path, where="elsewhere"), 1)
    assert len(ledger.lines(path)) == 2


def test_a_node_with_effects_is_never_answered_from_the_cache(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "l"
    flow = cached_flow(people, path, kind="test_ledger")
    for _ in range(2):
        outputs(people, flow, 1)
    assert len(ledger.lines(path)) == 2


def test_what_is_old_or_too_big_is_not_kept(people: World, settings: Any) -> None:
    settings.NODE_CACHE_MAX_BYTES = 1600
    workspace_id = people.workspace.pk
    cached_node_put(workspace_id, "big", {"a": 1}, 101)
    assert cached_node_get(workspace_id, "big") is None
    cached_node_put(workspace_id, "old", {"a": 1}, 100)
    assert cached_node_get(workspace_id, "old") == {"a": 1}
    CachedNode.objects.update(used_at=timezone.now() - timedelta(days=31))
    assert cached_node_get(workspace_id, "old") is None


def test_the_longest_unused_go_when_there_is_too_much(people: World, settings: Any) -> None:
    settings.NODE_CACHE_MAX_BYTES = 1600
    workspace_id = people.workspace.pk
    for i in range(200):
        cached_node_put(workspace_id, f"key-{i}", {"a": i}, 100)
    kept = set(CachedNode.objects.values_list("key", flat=True))
    assert 16 <= len(kept) <= 16 + 64
    assert "key-199" in kept
    assert "key-0" not in kept
