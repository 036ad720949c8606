"""Appending to journals through plain SQL: this runs up to sixty times a second per room, and the
ORM would cost several times the commit itself."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from apps.collaboration.rooms.ports import (
    ClientTakenError,
    DocumentGoneError,
    EpochChangedError,
    JournalUnavailableError,
    Row,
    Write,
    Written,
)
from apps.collaboration.selectors import with_authors
from apps.common import failpoints
from apps.common.db import put_rows, write_transaction

Outcome = Written | ClientTakenError | DocumentGoneError | EpochChangedError | JournalUnavailableError
_REFUSALS = (ClientTakenError, DocumentGoneError, EpochChangedError)


def journal_append(writes: Sequence[Write]) -> list[Outcome]:
    """Write the ticks of several rooms in one transaction; if one is refused, each in its own.

    Returns one outcome per write, errors included, after the commit.
    """
    # One lock order for all processes.
    order = sorted(range(len(writes)), key=lambda index: writes[index].flow_id)
    try:
        with write_transaction():
            done: dict[int, Outcome] = {index: append_in_transaction(writes[index]) for index in order}
            failpoints.hit("document.before_commit")
        failpoints.hit("document.after_commit")
    except (*_REFUSALS, DatabaseError) as error:
        if len(writes) > 1:
            return [journal_append([write])[0] for write in writes]
        return [error if isinstance(error, _REFUSALS) else JournalUnavailableError(str(error))]
    return [done[index] for index in range(len(writes))]


def append_in_transaction(write: Write) -> Written:
    """One document's rows, inside the caller's transaction. ``head_seq`` is raised first, which
    takes the document's row lock. Raises DocumentGoneError, EpochChangedError or ClientTakenError."""
    count = len(write.entries)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE collaboration_document SET head_seq = head_seq + %s, encoded_bytes = encoded_bytes + %s"
            " WHERE flow_id = %s AND epoch = %s RETURNING head_seq",
            [count, sum(len(e.body) for e in write.entries), _id(write.flow_id), write.epoch],
        )
        row = cursor.fetchone()
        if row is None:
            raise _why_absent(cursor, write.flow_id)
        last = int(row[0])
        first = last - count + 1
        if write.bindings:
            _bind(cursor, write)
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        start = (_id(write.flow_id), write.epoch)
        put_rows(
            cursor,
            "INSERT INTO collaboration_documentupdate"
            " (document_id, epoch, seq, body, author_id, origin, summary, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                [*start, first + index, entry.body, _id(entry.author_id), entry.origin, entry.summary, now]
                for index, entry in enumerate(write.entries)
            ],
        )
        missed = _between(cursor, write, first) if first > write.known_seq + 1 else []
    return Written(first, last, missed)


def _why_absent(cursor: CursorWrapper, flow_id: uuid.UUID) -> Exception:
    cursor.execute("SELECT 1 FROM collaboration_document WHERE flow_id = %s", [_id(flow_id)])
    return EpochChangedError() if cursor.fetchone() else DocumentGoneError()


def _bind(cursor: CursorWrapper, write: Write) -> None:
    """Claim client ids for their person. Raises ClientTakenError when another has one of them."""
    put_rows(
        cursor,
        "INSERT INTO collaboration_documentclient (document_id, client_id, person_id)"
        " VALUES (%s, %s, %s) ON CONFLICT (document_id, client_id) DO NOTHING",
        [[_id(write.flow_id), client, _id(person)] for client, person in write.bindings.items()],
    )
    for client, person in write.bindings.items():
        cursor.execute(
            "SELECT person_id FROM collaboration_documentclient WHERE document_id = %s AND client_id = %s",
            [_id(write.flow_id), client],
        )
        (owner,) = cursor.fetchone() or (None,)
        if owner is None or uuid.UUID(str(owner)) != person:
            raise ClientTakenError


def _between(cursor: CursorWrapper, write: Write, first: int) -> list[Row]:
    """Rows that other writers put between what the room knew and its own."""
    cursor.execute(
        "SELECT seq, body, origin, author_id, summary FROM collaboration_documentupdate"
        " WHERE document_id = %s AND epoch = %s AND seq > %s AND seq < %s ORDER BY seq",
        [_id(write.flow_id), write.epoch, write.known_seq, first],
    )
    return with_authors(
        [
            Row(seq, bytes(body), origin, uuid.UUID(str(author)) if author else None, summary)
            for seq, body, origin, author, summary in cursor.fetchall()
        ]
    )


def _id(value: uuid.UUID | None) -> Any:
    """A UUID as this database stores it."""
    if value is None or connection.features.has_native_uuid_field:
        return value
    return value.hex
