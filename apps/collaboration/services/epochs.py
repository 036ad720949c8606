"""A new lineage of a document: the same content without its history.

Every change leaves traces in a CRDT, also what was overwritten or deleted. Rarely, when a document has
become several times its content, it is copied into a fresh one under the next epoch. Rooms of the old epoch
hang up with STALE_EPOCH; clients express what was not acknowledged as a patch on the new document.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from apps.collaboration.documents.copying import fresh_copy, purge
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentClient, DocumentSnapshot, DocumentUpdate
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.ports import DocumentGoneError, Entry, Write
from apps.collaboration.selectors import Bytes, document_bytes
from apps.collaboration.services.journal import append_in_transaction
from apps.common import failpoints
from apps.common.bus import publish_on_commit
from apps.common.db import after_commit, write_transaction

log = structlog.get_logger(__name__)

PURGE_AFTER_S = 7 * 24 * 3600.0
REBASE_AT_LEAST_BYTES = 64 * 1024
REBASE_GROWTH = 3.0
REBASE_CLIENTS = 1_000
KEEP_OLD_EPOCHS = timedelta(days=30)
Found = TypeVar("Found")


def document_purge(flow_id: uuid.UUID) -> int:
    """Remove nodes deleted more than a week ago, as a change like any other; returns how many."""
    return _on_what_is_current(flow_id, _purged, _write_purged)


def _purged(stored: Bytes) -> tuple[int, bytes] | None:
    live = LiveDoc(stored.updates, client_id=stored.document.server_client_id)
    limit_s = time.time() - float(getattr(settings, "DOCUMENT_PURGE_AFTER_S", PURGE_AFTER_S))
    with live.change():
        count = purge(live, deleted_before_ms=int(limit_s * 1000))
    return (count, live.take_change()) if count else None


def _write_purged(stored: Bytes, found: tuple[int, bytes]) -> int:
    count, update = found
    document = stored.document
    entry = Entry(update, None, origin="upkeep", summary="")
    written = append_in_transaction(Write(document.pk, document.epoch, stored.seq, [entry]))
    _publish(document.pk, document.epoch, written.last_seq)
    failpoints.hit("document.purge")
    after_commit(lambda: failpoints.hit("document.purged"))
    return count


def is_overgrown(document: Document, *, encoded_bytes: int, fresh_bytes: int) -> bool:
    """Whether a new lineage is worth a reconnect of everybody."""
    at_least = int(getattr(settings, "DOCUMENT_REBASE_AT_LEAST_BYTES", REBASE_AT_LEAST_BYTES))
    if encoded_bytes < at_least:
        return False
    if encoded_bytes > fresh_bytes * float(getattr(settings, "DOCUMENT_REBASE_GROWTH", REBASE_GROWTH)):
        return True
    clients = Document.objects.filter(pk=document.pk).aggregate(count=Count("clients"))["count"]
    return int(clients) > REBASE_CLIENTS


def document_rebase(flow_id: uuid.UUID, *, force: bool = False) -> bool:
    """Begin the next epoch when the document is overgrown (or ``force``); whether it did."""
    return bool(_on_what_is_current(flow_id, partial(_rebased, force=force), _write_rebased))


@dataclass(frozen=True, slots=True)
class _Rebased:
    """The content as a new lineage, and the old lineage as a whole."""

    client_id: int
    body: bytes
    farewell: bytes


def _rebased(stored: Bytes, *, force: bool) -> _Rebased | None:
    live = LiveDoc(stored.updates)
    client_id = new_client_id()
    found = _Rebased(client_id, fresh_copy(live, client_id=client_id).encode(), live.encode())
    sizes = {"encoded_bytes": len(found.farewell), "fresh_bytes": len(found.body)}
    if not force and not is_overgrown(stored.document, **sizes):
        return None
    if LiveDoc([found.body]).dump() != live.dump():
        log.error("rebase_refused", flow_id=str(stored.document.pk), seq=stored.seq)
        return None
    return found


def _write_rebased(stored: Bytes, found: _Rebased) -> int:
    document = stored.document
    epoch_begin(document, found.body, seq=stored.seq, client_id=found.client_id, farewell=found.farewell)
    failpoints.hit("document.rebase")
    after_commit(lambda: failpoints.hit("document.rebased"))
    before, after = len(found.farewell), len(found.body)
    log.info("document_rebased", flow_id=str(document.pk), before=before, after=after)
    return 1


def _on_what_is_current(
    flow_id: uuid.UUID, prepare: Callable[[Bytes], Found | None], write: Callable[[Bytes, Found], int]
) -> int:
    """Prepare without the lock and write if nobody has written meanwhile, else both under the lock: where
    people edit all day, upkeep would never find a quiet moment. 0 when there is nothing to do."""
    stored = document_bytes(flow_id)
    if (found := prepare(stored)) is None:
        return 0
    with write_transaction():
        if not _is_still(stored):
            stored = document_bytes(flow_id)
            if (found := prepare(stored)) is None:
                return 0
        return write(stored, found)


def new_client_id() -> int:
    return 1 + secrets.randbelow(2**32 - 1)


def epoch_begin(document: Document, body: bytes, *, seq: int, client_id: int, farewell: bytes | None) -> None:
    """Make ``body`` the document from here on. The caller holds the row lock and has checked ``body``.

    Numbers go on from ``seq``. ``farewell`` is the old lineage as a whole; it is kept for a month. What a
    reader may still be reading of the old journal goes with the epoch after this.
    """
    flow_id, old = document.pk, document.epoch
    if farewell is not None:
        DocumentSnapshot.objects.get_or_create(
            document_id=flow_id, epoch=old, seq=seq, defaults={"body": farewell}
        )
    DocumentSnapshot.objects.create(document_id=flow_id, epoch=old + 1, seq=seq, body=body)
    DocumentUpdate.objects.filter(document_id=flow_id, epoch__lt=old).delete()
    aged = DocumentSnapshot.objects.filter(document_id=flow_id, epoch__lt=old)
    aged.filter(created_at__lt=timezone.now() - KEEP_OLD_EPOCHS).delete()
    DocumentClient.objects.filter(document_id=flow_id).delete()
    DocumentClient.objects.create(document_id=flow_id, client_id=client_id)
    Document.objects.filter(pk=flow_id).update(
        epoch=old + 1,
        head_seq=seq,
        snapshot_seq=seq,
        encoded_bytes=len(body),
        server_client_id=client_id,
        openings=0,
        quarantined_at=None,
    )
    _publish(flow_id, old + 1, seq)


def _publish(flow_id: uuid.UUID, epoch: int, seq: int) -> None:
    hint = hints.RowsHint(epoch, seq, seq, b"")
    publish_on_commit(hints.channel(flow_id), hints.encode(hints.NOBODY, hint))


def _is_still(stored: Bytes) -> bool:
    """Lock the document; whether it is as it was read. Raises DocumentGoneError."""
    now = Document.objects.select_for_update().filter(pk=stored.document.pk).first()
    if now is None:
        raise DocumentGoneError
    return (now.epoch, now.head_seq) == (stored.document.epoch, stored.seq)
