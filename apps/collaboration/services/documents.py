"""The life of a document row: born from the flow's seed, counted while it is opened."""

from __future__ import annotations

import secrets
import time
import uuid

from django.db.models import F
from django.utils import timezone

from apps.collaboration.documents.flow_writer import FlowWriter
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentClient, DocumentUpdate
from apps.collaboration.node_types import shared_texts
from apps.collaboration.rooms.ports import DocumentGoneError, DocumentQuarantinedError
from apps.common.db import write_transaction
from apps.flows.models import Flow

OPENINGS_BEFORE_QUARANTINE = 5


def document_ensure(flow_id: uuid.UUID) -> Document:
    """The flow's document, made from its definition when it has none yet.

    This is the only time a document is built from JSON; from then on only its own bytes are ever
    loaded. Raises DocumentGoneError for an archived or unknown flow.
    """
    flow = Flow.objects.filter(pk=flow_id, archived_at=None).select_related("definition").first()
    if flow is None:
        raise DocumentGoneError
    if (document := Document.objects.filter(pk=flow_id).first()) is not None:
        return document
    client_id = 1 + secrets.randbelow(2**32 - 1)
    body = _seed(flow, client_id)
    with write_transaction():
        Flow.objects.select_for_update().get(pk=flow_id)
        document, is_new = Document.objects.get_or_create(
            pk=flow_id,
            defaults={
                "server_client_id": client_id,
                "head_seq": 1,
                "projected_seq": 1,
                "encoded_bytes": len(body),
            },
        )
        if is_new:
            DocumentClient.objects.create(document=document, client_id=client_id)
            DocumentUpdate.objects.create(
                document=document, epoch=1, seq=1, body=body, origin="seed", author_id=flow.created_by_id
            )
    return document


def _seed(flow: Flow, client_id: int) -> bytes:
    """The flow's definition as the first update of a document."""
    doc = LiveDoc(client_id=client_id)
    now_ms = int(time.time() * 1000)
    person_id = str(flow.created_by_id) if flow.created_by_id else None
    writer = FlowWriter(doc, shared_texts=shared_texts, now_ms=now_ms, person_id=person_id)
    with doc.change():
        writer.write_flow(flow.definition.body)
    return doc.take_change()


def document_opening(flow_id: uuid.UUID) -> Document:
    """Count an attempt to load. Raises DocumentQuarantinedError once too many did not come back.

    The count is on disk before the bytes are touched: if they kill the process, it stays.
    """
    document = document_ensure(flow_id)
    if document.quarantined_at is not None:
        raise DocumentQuarantinedError
    if document.openings >= OPENINGS_BEFORE_QUARANTINE:
        Document.objects.filter(pk=flow_id).update(quarantined_at=timezone.now())
        raise DocumentQuarantinedError
    Document.objects.filter(pk=flow_id).update(openings=F("openings") + 1)
    return document


def document_opened(flow_id: uuid.UUID) -> None:
    """Loading worked."""
    Document.objects.filter(pk=flow_id).exclude(openings=0).update(openings=0)
