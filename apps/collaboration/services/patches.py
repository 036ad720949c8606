"""The headless writer: every change that does not come from a browser.

It reads the journal, checks the patch against what is there, writes it as one transaction under the
server's own client id, and appends it under the document's row lock if the journal still ends where
it was read (else it starts again, the last time under the lock). After the commit a hint tells rooms
to pull. No room, loop or socket is needed, and it works from any process.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from apps.accounts.models import Person
from apps.audit.services import record
from apps.collaboration import errors
from apps.collaboration.documents.flow_writer import FlowWriter
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.documents.patching import write_operations
from apps.collaboration.models import Document
from apps.collaboration.node_types import NodeFacts
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import DocumentGoneError, Entry, Write
from apps.collaboration.selectors import Bytes, document_bytes
from apps.collaboration.services.documents import document_ensure
from apps.collaboration.services.journal import append_in_transaction
from apps.common import failpoints
from apps.common.bus import publish_on_commit
from apps.common.db import after_commit, write_transaction
from apps.common.errors import NotFound
from apps.flows.models import Flow
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.flow import Operation, Patch, PatchOutcome, apply, conflict_error, parse_plain, project
from sage_studio.flow.operations import SetFlow
from sage_studio.kernel import JsonObject, SageError

_MEGABYTE = 1024 * 1024
_OPTIMISTIC_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class PatchResult:
    """``seq`` is the journal's position afterwards; ``inverse`` undoes what was applied."""

    applied: int
    conflicts: list[JsonObject]
    seq: int
    inverse: Patch

    def dump(self) -> JsonObject:
        return {
            "applied": self.applied,
            "conflicts": list(self.conflicts),
            "seq": self.seq,
            "inverse": self.inverse.dump(),
        }


def patch_apply(
    person: Person, flow_id: uuid.UUID, patch: Patch, partial: bool = False, *, origin: str = "api"
) -> PatchResult:
    """Change a flow. ``origin`` names the caller in the journal (``api``, ``rollback``, ``cli`` …).

    Raises Forbidden, NotFound; SageError ``patch.conflict`` when operations no longer fit and no
    ``partial`` result is wanted; SageError for operations that would break the flow's shape.
    """
    flow = Flow.objects.filter(pk=flow_id, archived_at=None).first()
    if flow is None:
        raise NotFound
    require(person, flow.workspace_id, Action.FLOW_EDIT)
    _document(flow_id)
    for _ in range(_OPTIMISTIC_ATTEMPTS):
        prepared = _prepare(person, flow, patch, partial=partial)
        with write_transaction():
            document = Document.objects.select_for_update().get(pk=flow_id)
            if (document.epoch, document.head_seq) == (prepared.stored.document.epoch, prepared.stored.seq):
                return _write(person, flow, prepared, origin=origin, summary=patch.summary)
    with write_transaction():
        Document.objects.select_for_update().get(pk=flow_id)
        prepared = _prepare(person, flow, patch, partial=partial)
        return _write(person, flow, prepared, origin=origin, summary=patch.summary)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A checked change: the bytes for exactly the journal position it was made at."""

    stored: Bytes
    outcome: PatchOutcome
    update: bytes


def _prepare(person: Person, flow: Flow, patch: Patch, *, partial: bool) -> _Prepared:
    """Read, check and compute. First without the lock: a large flow takes a tenth of a second, and
    on SQLite every room of the instance would wait that long for its commit."""
    stored = document_bytes(flow.pk)
    types = NodeFacts(flow.workspace_id)
    live = LiveDoc(stored.updates, client_id=stored.document.server_client_id)
    current = parse_plain(project(live.dump(), types.takes_many).document)
    outcome = apply(current, patch, partial=partial)
    if outcome.conflicts and not partial:
        raise conflict_error(outcome, len(patch.operations))
    return _Prepared(stored, outcome, _change(person, live, types, outcome.applied))


def _document(flow_id: uuid.UUID) -> Document:
    try:
        document = document_ensure(flow_id)
    except DocumentGoneError:
        raise NotFound from None
    if document.quarantined_at is not None:
        raise SageError(errors.QUARANTINED)
    return document


def _write(person: Person, flow: Flow, prepared: _Prepared, *, origin: str, summary: str) -> PatchResult:
    """Append the change. The caller holds the document's row lock and has compared the position."""
    stored, outcome = prepared.stored, prepared.outcome
    seq = stored.seq
    if prepared.update:
        _check_size(stored, prepared.update)
        entry = Entry(prepared.update, person.pk, origin=origin[:40], summary=summary[:300])
        epoch = stored.document.epoch
        written = append_in_transaction(Write(flow.pk, epoch, seq, [entry]))
        seq = written.last_seq
        hint = hints.RowsHint(epoch, written.first_seq, seq, b"")
        after_commit(lambda: failpoints.hit("document.patched"))
        publish_on_commit(hints.channel(flow.pk), hints.encode(hints.NOBODY, hint))
        after: JsonObject = {"origin": origin, "operations": len(outcome.applied), "seq": seq}
        record(person, "flow.patched", flow.workspace_id, ("flow", flow.pk), after=after)
        failpoints.hit("document.patch")
    conflicts = [conflict.dump() for conflict in outcome.conflicts]
    return PatchResult(len(outcome.applied), conflicts, seq, outcome.inverse)


def _check_size(stored: Bytes, update: bytes) -> None:
    limits = Limits()
    size = stored.document.encoded_bytes + len(update)
    if len(update) > limits.answer_bytes or size > limits.document_bytes:
        facts: JsonObject = {"size_mb": size // _MEGABYTE, "limit_mb": limits.document_bytes // _MEGABYTE}
        raise SageError(errors.TOO_LARGE, facts)


def _change(person: Person, live: LiveDoc, types: NodeFacts, operations: tuple[Operation, ...]) -> bytes:
    now_ms = int(time.time() * 1000)
    writer = FlowWriter(live, shared_texts=types.shared_texts, now_ms=now_ms, person_id=str(person.pk))
    with live.change():
        write_operations(writer, operations)
    return live.take_change()


def flow_rename(
    *, person: Person, flow_id: uuid.UUID, name: str | None = None, description: str | None = None
) -> None:
    """Change name or description, in the live document like every other change."""
    wanted = {"name": name, "description": description}
    operations: list[Operation] = [
        SetFlow(path=[key], value=value) for key, value in wanted.items() if value is not None
    ]
    patch_apply(person, flow_id, Patch(operations=operations), origin="settings")
