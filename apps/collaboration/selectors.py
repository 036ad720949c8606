"""Reading live documents from the journal, without a room."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from apps.accounts.models import Person
from apps.catalogue.selectors import registry
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentClient, DocumentSnapshot, DocumentUpdate
from apps.collaboration.node_types import NodeFacts
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import DocumentGoneError, JournalUnavailableError, Loaded, Row
from apps.common.db import as_id, fetch_one, read_id, write_transaction
from apps.credentials.selectors import variable_names
from apps.flows.models import Definition, Flow
from apps.flows.services import definition_ensure, flow_projected
from sage_studio.flow import Projection, parse_plain, project, validate
from sage_studio.kernel import JsonObject, json_object

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Bytes:
    """A document as stored: ``updates`` in order, together everything up to ``seq``."""

    document: Document
    seq: int
    updates: list[bytes]


def document_bytes(flow_id: uuid.UUID) -> Bytes:
    """Snapshot and tail. A compaction between the reads shows as a hole and is read again.

    Raises DocumentGoneError, or JournalUnavailableError when the journal has a hole that stays.
    """
    for _ in range(_ATTEMPTS):
        document = Document.objects.filter(pk=flow_id).first()
        if document is None:
            raise DocumentGoneError
        at = {"document_id": flow_id, "epoch": document.epoch}
        snapshot = DocumentSnapshot.objects.filter(**at, seq=document.snapshot_seq).first()
        tail = DocumentUpdate.objects.filter(**at, seq__gt=document.snapshot_seq).order_by("seq")
        rows = list(tail.values_list("seq", "body"))
        begins = snapshot is not None or document.snapshot_seq == 0
        seq = document.snapshot_seq + len(rows)
        if begins and seq >= document.head_seq and (not rows or rows[-1][0] == seq):
            bodies = [bytes(body) for _, body in rows]
            return Bytes(document, seq, [bytes(snapshot.body), *bodies] if snapshot else bodies)
    raise JournalUnavailableError("the journal has a hole")


def document_load(flow_id: uuid.UUID) -> Loaded:
    """What a room needs to open."""
    stored = document_bytes(flow_id)
    owners = DocumentClient.objects.filter(document_id=flow_id).values_list("client_id", "person_id")
    document = stored.document
    return Loaded(document.epoch, stored.seq, stored.updates, dict(owners), document.server_client_id)


def rows_after(flow_id: uuid.UUID, epoch: int, seq: int) -> list[Row]:
    """Journal rows beyond ``seq``, in order and without a hole.

    When compaction took some of them, the snapshot stands in as one row.
    """
    at = {"document_id": flow_id, "epoch": epoch, "seq__gt": seq}
    rows = [
        Row(row.seq, bytes(row.body), row.origin, row.author_id, row.summary)
        for row in DocumentUpdate.objects.filter(**at).order_by("seq")
    ]
    rows = with_authors(rows)
    if rows and rows[0].seq == seq + 1:
        return rows
    snapshot = DocumentSnapshot.objects.filter(**at).order_by("-seq").first()
    if snapshot is None:
        return []
    return [Row(snapshot.seq, bytes(snapshot.body)), *(row for row in rows if row.seq > snapshot.seq)]


def with_authors(rows: list[Row]) -> list[Row]:
    """The rows, those that no browser wrote with the name and colour of who had them written."""
    wanted = {row.author_id for row in rows if row.origin != "room" and row.author_id}
    if not wanted:
        return rows
    people = Person.objects.only("id", "name", "color").in_bulk(wanted)
    return [
        replace(row, author_name=person.name, author_color=person.color)
        if row.origin != "room" and row.author_id and (person := people.get(row.author_id))
        else row
        for row in rows
    ]


def document_heads(flow_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """Flow → (epoch, head_seq); archived flows are left out."""
    rows = Document.objects.filter(pk__in=flow_ids, flow__archived_at=None)
    return {pk: (epoch, seq) for pk, epoch, seq in rows.values_list("pk", "epoch", "head_seq")}


def document_size(flow_id: uuid.UUID) -> int:
    """Bytes of its snapshot and of what came after it; 0 when there is none."""
    size = Document.objects.filter(pk=flow_id).values_list("encoded_bytes", flat=True).first()
    return size or 0


def document_facts(flow: Flow) -> dict[str, Any]:
    """Lineage, position and size of a flow's document; the first of each when nobody has opened it yet."""
    document = Document.objects.filter(pk=flow.pk).first() or Document(flow=flow, server_client_id=0)
    return {
        "epoch": document.epoch,
        "seq": document.head_seq,
        "size_bytes": document.encoded_bytes,
        "limit_bytes": Limits().document_bytes,
        "set_aside_at": document.quarantined_at,
    }


def flow_projection(flow: Flow) -> Projection:
    """The flow as it stands in the live document (or its seed, when nobody has opened it yet),
    with what the projection left out. Raises JournalUnavailableError."""
    try:
        stored = document_bytes(flow.pk)
    except DocumentGoneError:
        return Projection(flow.definition.body, ())
    return project(LiveDoc(stored.updates).dump(), NodeFacts(flow.workspace_id).takes_many)


def definition_current(flow: Flow) -> Definition:
    """The immutable definition of the flow as it stands now; runs, versions and exports use it.

    When the live document has moved on, the new state is stored (a definition is content: writing
    it twice is writing it once) and the flow's entry in lists is refreshed.
    """
    row = fetch_one(
        """
        SELECT f.definition_id, d.projected_seq >= d.head_seq
        FROM flows_flow AS f LEFT JOIN collaboration_document AS d ON d.flow_id = f.id WHERE f.id = %s
        """,
        [as_id(flow.pk)],
    )
    if row is not None and row[1] in (None, True):
        # The body is read when somebody needs it; who starts a known definition does not.
        return Definition.from_db("default", ["id"], [read_id(row[0])])
    stored = document_bytes(flow.pk)
    projected = project(LiveDoc(stored.updates).dump(), NodeFacts(flow.workspace_id).takes_many).document
    definition = definition_ensure(workspace_id=flow.workspace_id, document=parse_plain(projected))
    last = DocumentUpdate.objects.filter(document_id=flow.pk, seq__lte=stored.seq).order_by("-seq").first()
    newer = Document.objects.filter(pk=flow.pk, epoch=stored.document.epoch, projected_seq__lt=stored.seq)
    # One transaction: between the two, others would take the old definition for the newest, and a
    # writer held up there would put its older one over theirs.
    with write_transaction():
        if newer.update(projected_seq=stored.seq):
            flow_projected(
                flow_id=flow.pk,
                definition=definition,
                edited_by_id=last.author_id if last else flow.edited_by_id,
                edited_at=last.created_at if last else flow.edited_at,
            )
    return definition


def flow_problems(flow: Flow) -> list[JsonObject]:
    """Everything wrong with the flow as it stands now, errors first: what the projection had to
    leave out, then what the check against the node types says."""
    projection = flow_projection(flow)
    left_out: list[JsonObject] = [
        {
            **problem.facts(),
            "severity": "warning",
            "message": json_object(problem.message()),
            "hint": json_object(problem.hint()),
        }
        for problem in projection.problems
    ]
    document = parse_plain(projection.document)
    # What the workspace keeps for all its flows is known as well; a flow's own variable of a name wins.
    shared = dict.fromkeys(variable_names(flow.workspace_id), None)
    known = document.model_copy(update={"variables": {**shared, **document.variables}})
    issues = [issue.dump() for issue in validate(known, registry(flow.workspace_id))]
    return sorted(left_out + issues, key=lambda item: item.get("severity") != "error")
