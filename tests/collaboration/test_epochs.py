"""Purging, new lineages, and bringing back a document that was set aside."""

from __future__ import annotations

import time
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.collaboration.documents import copying
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentClient, DocumentSnapshot, DocumentUpdate
from apps.collaboration.rooms.ports import DocumentQuarantinedError, Entry, EpochChangedError, Write
from apps.collaboration.selectors import document_bytes, document_load
from apps.collaboration.services import (
    document_opened,
    document_opening,
    document_purge,
    document_rebase,
    document_recover,
    document_settle,
    epochs,
    journal_append,
    recovery,
)
from apps.flows.models import Flow
from apps.flows.services import flow_create
from tests.collaboration import hostile
from tests.collaboration.test_headless import FLOW, current, patched
from tests.world import World


@pytest.fixture
def flow(world: World) -> Flow:
    return flow_create(person=world.owner.person, workspace=world.workspace, name="Asking", definition=FLOW)


def stored(flow: Flow) -> LiveDoc:
    return LiveDoc(document_bytes(flow.pk).updates)


def write_raw(flow: Flow, body: bytes) -> None:
    """A row as a room would have written it."""
    document = Document.objects.get(pk=flow.pk)
    (outcome,) = journal_append([Write(flow.pk, document.epoch, document.head_seq, [Entry(body, None)])])
    assert not isinstance(outcome, Exception)


def churn(world: World, flow: Flow) -> None:
    """Long values, overwritten again and again: a lineage much larger than its content."""
    for number in range(12):
        patched(world, flow, {"op": "add_node", "node": {"id": f"x{number}", "type": "llm"}})
        patched(world, flow, {"op": "remove_node", "id": f"x{number}"})


def test_what_was_deleted_long_ago_is_removed_and_the_flow_stays_as_it_is(
    world: World, flow: Flow, settings: Any
) -> None:
    patched(world, flow, {"op": "remove_node", "id": "keep"})
    before = current(flow)
    assert document_purge(flow.pk) == 0, "a week has not passed"
    settings.DOCUMENT_PURGE_AFTER_S = 0
    time.sleep(0.002)
    assert document_purge(flow.pk) == 1
    assert "keep" not in stored(flow).dump()["nodes"]
    assert current(flow) == before
    assert DocumentUpdate.objects.filter(document_id=flow.pk).latest("seq").origin == "upkeep"


def test_an_overgrown_document_begins_a_new_epoch_with_the_same_content(
    world: World, flow: Flow, settings: Any
) -> None:
    churn(world, flow)
    settings.DOCUMENT_PURGE_AFTER_S = 0
    time.sleep(0.002)
    document_purge(flow.pk)
    content, old = stored(flow).dump(), document_bytes(flow.pk)
    assert not document_rebase(flow.pk), "too small to be worth it"
    settings.DOCUMENT_REBASE_AT_LEAST_BYTES = 1
    settings.DOCUMENT_REBASE_GROWTH = 1.1
    assert document_rebase(flow.pk)
    new = document_bytes(flow.pk)
    assert (new.document.epoch, new.seq) == (2, old.seq)
    assert stored(flow).dump() == content
    assert sum(map(len, new.updates)) < sum(map(len, old.updates)) / 2
    owners = document_load(flow.pk).owners
    assert owners == {new.document.server_client_id: None}
    assert DocumentSnapshot.objects.filter(document_id=flow.pk, epoch=1, seq=old.seq).exists()
    patched(world, flow, {"op": "set_flow", "path": ["description"], "value": "after"})
    assert current(flow)["description"] == "after"


def test_what_builds_on_an_old_epoch_is_not_written(world: World, flow: Flow) -> None:
    assert document_rebase(flow.pk, force=True)
    seq = Document.objects.get(pk=flow.pk).head_seq
    outcomes = journal_append([Write(flow.pk, 1, seq, [Entry(b"\x00\x00", None)])])
    assert isinstance(outcomes[0], EpochChangedError)


def test_an_edit_that_comes_between_is_in_the_new_epoch(
    world: World, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where people edit all day there is no quiet moment: the second try is under the lock."""
    real, tries = copying.fresh_copy, []

    def meanwhile(live: LiveDoc, *, client_id: int) -> LiveDoc:
        tries.append(client_id)
        if len(tries) == 1:
            patched(world, flow, {"op": "set_flow", "path": ["description"], "value": "quick"})
        return real(live, client_id=client_id)

    monkeypatch.setattr(epochs, "fresh_copy", meanwhile)
    assert document_rebase(flow.pk, force=True)
    assert len(tries) == 2
    assert Document.objects.get(pk=flow.pk).epoch == 2
    assert current(flow)["description"] == "quick"


def test_settling_an_idle_room_compacts_purges_and_rebases(world: World, flow: Flow, settings: Any) -> None:
    churn(world, flow)
    settings.DOCUMENT_COMPACT_AFTER_ROWS = 5
    settings.DOCUMENT_PURGE_AFTER_S = 0
    settings.DOCUMENT_REBASE_AT_LEAST_BYTES = 1
    settings.DOCUMENT_REBASE_GROWTH = 1.1
    before = current(flow)
    document_settle(flow.pk, idle=True)
    assert Document.objects.get(pk=flow.pk).epoch == 1, "somebody wrote just now"
    settings.DOCUMENT_REBASE_QUIET_S = 0
    settings.DOCUMENT_COMPACT_AGAIN_S = 0
    churn(world, flow)
    document_settle(flow.pk, idle=True)
    assert Document.objects.get(pk=flow.pk).epoch == 2
    assert not [node for node in stored(flow).dump()["nodes"] if node.startswith("x")]
    assert current(flow) == before


def poison(flow: Flow) -> None:
    """A row that no room lets through: opening the document would end the process."""
    deep = hostile.in_root(hostile.ITEM_ANY, hostile.any_value(hostile.nested_arrays(30_000)))
    write_raw(flow, hostile.update([deep]))


def set_aside(flow: Flow) -> None:
    for _ in range(5):
        document_opening(flow.pk)
    with pytest.raises(DocumentQuarantinedError):
        document_opening(flow.pk)
    assert Document.objects.get(pk=flow.pk).quarantined_at


def test_an_owner_brings_back_a_poisoned_document(world: World, flow: Flow) -> None:
    patched(world, flow, {"op": "set_flow", "path": ["description"], "value": "good"})
    poison(flow)
    later = LiveDoc(client_id=5)
    with later.change():
        later.root("notes")["later"] = {"text": "also good", "pos": [0, 0]}
    write_raw(flow, later.take_change())
    set_aside(flow)
    found = document_recover(world.owner.person, flow.pk)
    assert (found.came_from, found.kept, found.left_out) == ("journal", 3, 1)
    document = Document.objects.get(pk=flow.pk)
    assert (document.epoch, document.quarantined_at, document.openings) == (2, None, 0)
    assert current(flow)["description"] == "good"
    assert "later" in stored(flow).dump()["notes"]
    document_opening(flow.pk)
    document_opened(flow.pk)


def test_a_change_that_kills_the_reader_is_left_out_with_what_builds_on_it(
    world: World, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child's death is played: nothing is known that passes the scan and still kills."""
    author = LiveDoc(client_id=9)
    for value in ("deadly", "builds on it"):
        with author.change():
            author.root("notes")["k"] = value
        write_raw(flow, author.take_change())
    set_aside(flow)
    real, deadly = recovery._run_trial, document_bytes(flow.pk).updates[1]

    def dying(updates: list[bytes], client_id: int) -> list[list[str]]:
        if deadly not in updates:
            return real(updates, client_id)
        at = updates.index(deadly)
        return [["ok", str(number)] for number in range(at)] + [["try", str(at)]]

    monkeypatch.setattr(recovery, "_run_trial", dying)
    found = document_recover(world.owner.person, flow.pk)
    assert (found.kept, found.left_out) == (1, 2)
    assert "k" not in stored(flow).dump()["notes"]


def test_without_a_readable_snapshot_the_last_projection_remains(world: World, flow: Flow) -> None:
    DocumentUpdate.objects.filter(document_id=flow.pk, seq=1).update(body=b"\x01\x01garbage")
    set_aside(flow)
    found = document_recover(world.owner.person, flow.pk)
    assert found.came_from == "projection"
    assert current(flow) == Flow.objects.get(pk=flow.pk).definition.body
    assert DocumentClient.objects.filter(document_id=flow.pk).count() == 1


def test_recovery_is_the_owner_s_and_only_of_what_was_set_aside(world: World, flow: Flow) -> None:
    path = f"/api/v1/workspaces/{world.workspace.pk}/flows/{flow.pk}/document"

    def call(name: str, method: str, address: str) -> Any:
        client = APIClient()
        client.force_login(getattr(world, name).person)
        return getattr(client, method)(address)

    assert call("owner", "post", f"{path}/recovery").status_code == 409
    assert call("viewer", "get", path).json()["set_aside_at"] is None
    poison(flow)
    set_aside(flow)
    assert call("viewer", "get", path).json()["set_aside_at"] is not None
    assert call("editor", "post", f"{path}/recovery").status_code == 403
    done = call("owner", "post", f"{path}/recovery")
    assert done.status_code == 200, done.json()
    assert done.json() == {"came_from": "journal", "kept": 1, "left_out": 1, "seq": 3}
    assert call("viewer", "get", path).json()["epoch"] == 2
