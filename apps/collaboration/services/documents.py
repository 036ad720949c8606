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
from apps.collaboration.node_types import NodeFacts
from apps.collaboration.rooms.ports import DocumentGoneError, DocumentQuarantinedError
from apps.common.db import write_transaction
from apps.flows.models import Flow
from apps.flows.services import definition_ensure
from sage_studio.flow import parse_plain, project

OPENINGS_BEFORE_QUARANTINE = 5


def document_create(flow: Flow) -> Document:
    """The live document of a new flow, made from its definition; the only time a document is built
    from JSON. Inside the creating transaction.

    The flow's definition becomes what the document projects onto, so that later states differ from
    the first by real changes only (a document holds every shared text of its nodes, also empty ones).
    """
    client_id = 1 + secrets.randbelow(2**32 - 1)
    types = NodeFacts(flow.workspace_id)
    live = LiveDoc(client_id=client_id)
    writer = FlowWriter(
        live,
        shared_texts=types.shared_texts,
        now_ms=int(time.time() * 1000),
        person_id=str(flow.created_by_id) if flow.created_by_id else None,
    )
    with live.change():
        writer.write_flow(flow.definition.body)
    body = live.take_change()
    document = Document.objects.create(
        flow=flow, server_client_id=client_id, head_seq=1, projected_seq=1, encoded_bytes=len(body)
    )
    DocumentClient.objects.create(document=document, client_id=client_id)
    DocumentUpdate.objects.create(
        document=document, epoch=1, seq=1, body=body, origin="seed", author_id=flow.created_by_id
    )
    projected = parse_plain(project(live.dump(), types.takes_many).document)
    definition = definition_ensure(workspace_id=flow.workspace_id, document=projected)
    Flow.objects.filter(pk=flow.pk).update(definition=definition)
    flow.definition = definition
    return document


def document_ensure(flow_id: uuid.UUID) -> Document:
    """The flow's document, made now when the flow is older than live documents are.

    Raises DocumentGoneError for an archived or unknown flow.
    """
    document = Document.objects.filter(pk=flow_id, flow__archived_at=None).first()
    if document is not None:
        return document
    with write_transaction():
        flow = Flow.objects.select_for_update().filter(pk=flow_id, archived_at=None).first()
        if flow is None:
            raise DocumentGoneError
        return Document.objects.filter(pk=flow_id).first() or document_create(flow)


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
