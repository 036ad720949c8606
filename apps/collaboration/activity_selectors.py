"""Reading what happened to a flow: stretches of work in the journal, and what was kept of earlier ones."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from apps.accounts.models import Person
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.documents.watching import Tally, Touch, Watcher, names_in
from apps.collaboration.models import Document, DocumentSnapshot, DocumentUpdate, FlowActivity
from sage_studio.kernel import JsonObject

PAUSE = timedelta(minutes=10)
"""Somebody who rests this long begins a new stretch."""

KINDS = {"seed": "created", "rollback": "restored"}


@dataclass(slots=True)
class Stretch:
    """Rows of one person without a long pause, or one row of a server-side writer."""

    kind: str
    person_id: uuid.UUID | None
    origin: str
    summary: str
    first_seq: int
    last_seq: int
    started_at: datetime
    ended_at: datetime
    touches: list[Touch] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Replay:
    """The journal after a position. ``since`` is where it really begins: later than asked for when
    compaction took rows, and then ``is_complete`` is False."""

    since: int
    until: int
    is_complete: bool
    stretches: list[Stretch]
    names: dict[str, str]


def replay(document: Document, after: int) -> Replay:
    """Tell journal rows beyond ``after`` as stretches, oldest first."""
    at = {"document_id": document.pk, "epoch": document.epoch}
    snapshots = DocumentSnapshot.objects.filter(**at)
    base = snapshots.filter(seq__lte=after).order_by("-seq").first() or snapshots.order_by("seq").first()
    start = base.seq if base else 0
    rows = list(DocumentUpdate.objects.filter(**at, seq__gt=start).order_by("seq"))
    if rows and rows[0].seq != start + 1:
        # Rows were compacted between the two reads; what is left begins at the newest snapshot.
        base = snapshots.order_by("-seq").first()
        start = base.seq if base else rows[0].seq - 1
        rows = [row for row in rows if row.seq > start]
    known = [bytes(base.body)] if base else []
    known += [bytes(row.body) for row in rows if row.seq <= after]
    doc = LiveDoc(known)
    fresh = [row for row in rows if row.seq > after]
    stretches = _stretches(Watcher(doc), fresh)
    until = rows[-1].seq if rows else max(start, after)
    return Replay(max(start, after), until, start <= after, stretches, names_in(doc))


def _stretches(watcher: Watcher, rows: Sequence[DocumentUpdate]) -> list[Stretch]:
    found: list[Stretch] = []
    latest: dict[uuid.UUID | None, Stretch] = {}
    told_rows = watcher.touches(bytes(row.body) for row in rows)
    for row, touches in zip(rows, told_rows, strict=True):
        current = latest.get(row.author_id)
        if row.origin != "room" or current is None or row.created_at - current.ended_at > PAUSE:
            current = Stretch(
                kind=KINDS.get(row.origin, "edited"),
                person_id=row.author_id,
                origin=row.origin,
                summary=row.summary,
                first_seq=row.seq,
                last_seq=row.seq,
                started_at=row.created_at,
                ended_at=row.created_at,
            )
            found.append(current)
            if row.origin == "room":
                latest[row.author_id] = current
            else:
                latest.pop(row.author_id, None)
        current.last_seq, current.ended_at = row.seq, row.created_at
        current.touches += touches
    return found


def told(stretch: Stretch, names: dict[str, str], known: Sequence[JsonObject] = ()) -> list[JsonObject]:
    """The changes of a stretch, added to those already ``known``; none for the birth of a flow."""
    if stretch.kind == "created":
        return []
    tally = Tally(known)
    for touch in stretch.touches:
        tally.add(touch)
    return tally.changes(names)


def activity_list(flow_id: uuid.UUID) -> QuerySet[FlowActivity]:
    """What is kept of a flow's history; order it by ``-ended_at``."""
    return FlowActivity.objects.filter(flow_id=flow_id)


def people_of(ids: Sequence[uuid.UUID | None]) -> dict[uuid.UUID, Person]:
    """The people behind activities; accounts that are gone are left out."""
    return Person.objects.in_bulk([found for found in set(ids) if found is not None])
