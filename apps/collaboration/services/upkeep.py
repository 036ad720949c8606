"""Upkeep of documents between edits: the flow's entry in lists, and compaction."""

from __future__ import annotations

import uuid
from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentSnapshot, DocumentUpdate
from apps.collaboration.selectors import definition_current, document_bytes
from apps.collaboration.services.activity import activity_note
from apps.collaboration.services.epochs import document_purge, document_rebase
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.events import emit
from apps.flows.events import FLOW_CHANGED
from apps.flows.models import Flow

log = structlog.get_logger(__name__)

COMPACT_AFTER_ROWS = 500
COMPACT_IDLE_ROWS = 50
COMPACT_AGAIN_S = 30.0
REBASE_QUIET_S = 60.0
REBASE_OPEN_BYTES = 8 * 1024 * 1024


def document_settle(flow_id: uuid.UUID, *, idle: bool = False) -> None:
    """Refresh what lists show of the flow, and shorten the journal when it has grown; what was deleted
    long ago goes then, and rarely the document's whole history. ``idle``: the last editor here has left.

    May run at any time, in any process and more than once.
    """
    flow = Flow.objects.filter(pk=flow_id, archived_at=None).select_related("definition").first()
    document = Document.objects.filter(pk=flow_id).first()
    if flow is None or document is None:
        return
    if document.projected_seq < document.head_seq:
        definition_current(flow)
        with write_transaction():
            emit(
                FLOW_CHANGED,
                {"flow_id": str(flow_id), "workspace_id": str(flow.workspace_id), "seq": document.head_seq},
            )
    rows = document.head_seq - document.snapshot_seq
    wanted = int(getattr(settings, "DOCUMENT_COMPACT_AFTER_ROWS", COMPACT_AFTER_ROWS))
    if rows >= (min(wanted, COMPACT_IDLE_ROWS) if idle else wanted) and document_compact(flow_id):
        document_purge(flow_id)
        _rebase_when_harmless(flow_id, idle=idle)


def _rebase_when_harmless(flow_id: uuid.UUID, *, idle: bool) -> None:
    """A new epoch costs everybody a reconnect, so it waits until nobody is there, unless the document is
    about to reach its limit."""
    document = Document.objects.filter(pk=flow_id).first()
    if document is None:
        return
    if document.encoded_bytes < int(getattr(settings, "DOCUMENT_REBASE_OPEN_BYTES", REBASE_OPEN_BYTES)):
        quiet = timedelta(seconds=float(getattr(settings, "DOCUMENT_REBASE_QUIET_S", REBASE_QUIET_S)))
        written = DocumentUpdate.objects.filter(document_id=flow_id, created_at__gt=timezone.now() - quiet)
        if not idle or written.exclude(origin="upkeep").exists():
            return
    document_rebase(flow_id)


def document_compact(flow_id: uuid.UUID) -> bool:
    """Write a snapshot, read it back, compare, and only then delete the rows it stands for.

    Loading, applying and encoding costs a fraction of merging the updates. Returns whether the
    journal was shortened. Another process doing the same makes this one give up.
    """
    newest = DocumentSnapshot.objects.filter(document_id=flow_id).order_by("-seq").first()
    again = timedelta(seconds=float(getattr(settings, "DOCUMENT_COMPACT_AGAIN_S", COMPACT_AGAIN_S)))
    if newest is not None and newest.created_at > timezone.now() - again:
        return False
    activity_note(flow_id)  # the rows that go are the only ones who know who did what
    stored = document_bytes(flow_id)
    whole = LiveDoc(stored.updates)
    snapshot, _ = DocumentSnapshot.objects.get_or_create(
        document_id=flow_id, epoch=stored.document.epoch, seq=stored.seq, defaults={"body": whole.encode()}
    )
    read_back = LiveDoc([bytes(DocumentSnapshot.objects.get(pk=snapshot.pk).body)])
    if read_back.clocks() != whole.clocks() or read_back.dump() != whole.dump():
        log.error("compaction_refused", flow_id=str(flow_id), seq=stored.seq)
        snapshot.delete()
        return False
    with write_transaction():
        document = Document.objects.select_for_update().get(pk=flow_id)
        if document.epoch != stored.document.epoch or document.snapshot_seq >= stored.seq:
            return False
        before = document.snapshot_seq
        at = {"document_id": flow_id, "epoch": document.epoch}
        tail = DocumentUpdate.objects.filter(**at, seq__gt=stored.seq).values_list("body", flat=True)
        Document.objects.filter(pk=flow_id).update(
            snapshot_seq=stored.seq, encoded_bytes=len(snapshot.body) + sum(map(len, tail))
        )
        # One generation is kept: a reader between two queries, and a way back.
        DocumentUpdate.objects.filter(**at, seq__lte=before).delete()
        DocumentSnapshot.objects.filter(**at, seq__lt=before).delete()
        failpoints.hit("document.compact")
    failpoints.hit("document.compacted")
    return True
