"""Bringing back a document that was set aside because loading it failed again and again.

Its journal is read in a process of its own, change by change. What is good becomes the document's next
epoch; what kills the reader is left out, and so is what builds on it. When not even a snapshot can be read,
the flow's last projection is what remains.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from django.conf import settings

from apps.accounts.models import Person
from apps.audit.services import record
from apps.collaboration import errors
from apps.collaboration.documents.flow_writer import FlowWriter
from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentSnapshot, DocumentUpdate
from apps.collaboration.node_types import NodeFacts
from apps.collaboration.services.epochs import epoch_begin, new_client_id
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.flows.models import Flow
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError

log = structlog.get_logger(__name__)

TRIAL_WITHIN_S = 180
MAX_LEFT_OUT = 20


@dataclass(frozen=True, slots=True)
class Recovery:
    """``kept`` and ``left_out`` count changes since the last snapshot that could be read; ``came_from``
    is ``journal`` or, when nothing of it could be, ``projection``."""

    came_from: str
    kept: int
    left_out: int
    seq: int


def document_recover(person: Person, flow_id: uuid.UUID) -> Recovery:
    """Make a document that was set aside usable again, under its next epoch. Raises NotFound, Forbidden,
    and SageError ``document.not_set_aside``."""
    flow = Flow.objects.filter(pk=flow_id, archived_at=None).select_related("definition").first()
    document = Document.objects.filter(pk=flow_id).first()
    if flow is None or document is None:
        raise NotFound
    require(person, flow.workspace_id, Action.WORKSPACE_MANAGE)
    if document.quarantined_at is None:
        raise SageError(errors.NOT_SET_ASIDE)
    client_id = new_client_id()
    body, source, kept, left_out = _readable(flow, document, client_id)
    with write_transaction():
        now = Document.objects.select_for_update().get(pk=flow_id)
        if now.quarantined_at is None:
            raise SageError(errors.NOT_SET_ASIDE)
        seq = now.head_seq + 1
        epoch_begin(now, body, seq=seq, client_id=client_id, farewell=None)
        after: JsonObject = {"source": source, "kept": kept, "left_out": left_out, "epoch": now.epoch + 1}
        record(person, "document.recovered", flow.workspace_id, ("flow", flow_id), after=after)
        failpoints.hit("document.recover")
    failpoints.hit("document.recovered")
    return Recovery(source, kept, left_out, seq)


def _readable(flow: Flow, document: Document, client_id: int) -> tuple[bytes, str, int, int]:
    """(content, where it comes from, changes kept, changes left out); the newest that can be read."""
    for updates in _generations(document):
        if (found := _tried(updates, client_id)) is not None:
            body, left_out = found
            return body, "journal", len(updates) - len(left_out), len(left_out)
    live = LiveDoc(client_id=client_id)
    writer = FlowWriter(
        live,
        shared_texts=NodeFacts(flow.workspace_id).shared_texts,
        now_ms=int(time.time() * 1000),
        person_id=None,
    )
    with live.change():
        writer.write_flow(flow.definition.body)
    return live.encode(), "projection", 0, 0


def _generations(document: Document) -> Iterator[list[bytes]]:
    """Snapshot and tail, the newest snapshot first; a journal that still has its beginning last."""
    at = {"document_id": document.pk, "epoch": document.epoch}
    rows = [
        (seq, bytes(body))
        for seq, body in DocumentUpdate.objects.filter(**at).order_by("seq").values_list("seq", "body")
    ]
    for snapshot in DocumentSnapshot.objects.filter(**at).order_by("-seq"):
        yield [bytes(snapshot.body), *(body for seq, body in rows if seq > snapshot.seq)]
    if rows and rows[0][0] == 1:
        yield [body for _, body in rows]


def _tried(updates: list[bytes], client_id: int) -> tuple[bytes, set[int]] | None:
    """The content of what can be read and the numbers of what cannot; None when that is the snapshot."""
    left_out: set[int] = set()
    while len(left_out) <= MAX_LEFT_OUT:
        chosen = [number for number in range(len(updates)) if number not in left_out]
        if not chosen or chosen[0] != 0:
            return None
        said = _run_trial([updates[number] for number in chosen], client_id)
        refused = {chosen[int(words[1])] for words in said if words[0] == "no"}
        if 0 in refused:
            return None
        if said and said[-1][0] == "body":
            return bytes.fromhex(said[-1][1]), left_out | refused
        attempts = [chosen[int(words[1])] for words in said if words[0] == "try"]
        if not attempts:
            return None
        log.warning("change_kills_its_reader", number=attempts[-1])
        left_out |= {attempts[-1], *refused}
    return None


def _run_trial(updates: list[bytes], client_id: int) -> list[list[str]]:
    """Lines of ``rooms.trial``, as words."""
    command = [sys.executable, "-m", "apps.collaboration.rooms.trial", str(client_id)]
    given = b"".join(struct.pack(">I", len(update)) + update for update in updates)
    try:
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            timeout=TRIAL_WITHIN_S,
            check=False,
            cwd=settings.BASE_DIR,
        )
        output = done.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
    return [line.split() for line in output.decode().splitlines()]
