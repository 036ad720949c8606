"""Uploads in pieces, which go on after a break.

A piece lies in the store before its row says so, under a name that nothing else has, and its row is written
only where the upload still ends at the piece's start: of two senders at the same place one is refused, and
what a killed process left is never taken for content. The last piece is not kept: the whole content is put
together, and the file's row, its content and the end of the upload come in one transaction. So an upload
whose process died at any moment goes on at what its row says.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from apps.accounts.models import Person
from apps.common import failpoints
from apps.common.db import after_commit, write_transaction
from apps.common.errors import NotFound
from apps.files.disk import Draft
from apps.files.errors import (
    UPLOAD_BEYOND,
    UPLOAD_OFFSET,
    UPLOAD_PIECES,
    UPLOAD_TOO_LARGE,
    UPLOADS_MANY,
)
from apps.files.models import File, Upload, UploadPiece
from apps.files.services.content import do_upload, lock
from apps.files.services.storage import require_room
from apps.files.store import store
from apps.files.types import MARK_LENGTH, clean_name
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import SageError

# After the last sign of life; what is finished stays known as long, for a sender who missed the answer.
LIVES_FOR = timedelta(days=1)
MAX_UNFINISHED = 100
MAX_PIECES = 10_000


def upload_begin(
    person: Person, workspace: Workspace, *, name: str, size_bytes: int, mark: str = ""
) -> Upload:
    """Announce a file. An empty one is there at once.

    Raises SageError ``file.too_large``, ``file.quota`` or ``file.uploads_many``.
    """
    limit = int(settings.MAX_UPLOAD_BYTES)
    if size_bytes > limit:
        raise SageError(UPLOAD_TOO_LARGE, {"limit_mb": limit >> 20})
    require_room(workspace.pk, size_bytes + _underway_bytes(workspace.pk))
    with write_transaction():
        policies.require(person, workspace.pk, Action.FILE_WRITE)
        count = Upload.objects.filter(workspace=workspace, person=person, is_done=False).count()
        if count >= MAX_UNFINISHED:
            raise SageError(UPLOADS_MANY, {"count": count})
        upload = Upload.objects.create(
            workspace=workspace,
            person=person,
            name=clean_name(name),
            mark=mark[:MARK_LENGTH],
            size_bytes=size_bytes,
        )
    if not size_bytes:
        with Draft() as empty:
            _finish(person, upload, empty, start=0)
    return upload


def upload_take(person: Person, upload: Upload, draft: Draft, *, start: int) -> None:
    """Keep a piece; the last one makes the file.

    Raises NotFound, and SageError ``file.upload_offset``, ``file.upload_beyond``, ``file.upload_pieces`` or
    ``file.quota``.
    """
    require_place(upload, start=start, size_bytes=draft.size_bytes)
    if start + draft.size_bytes == upload.size_bytes:
        _finish(person, upload, draft, start=start)
    elif draft.size_bytes:
        _keep(person, upload, draft, start=start)


def require_place(upload: Upload, *, start: int, size_bytes: int) -> None:
    """Raises SageError when a piece does not fit where it says."""
    if upload.is_done or start != upload.received_bytes:
        raise _misplaced(upload.received_bytes, start)
    if start + size_bytes > upload.size_bytes:
        raise SageError(UPLOAD_BEYOND, {"size": upload.size_bytes})


def _keep(person: Person, upload: Upload, draft: Draft, *, start: int) -> None:
    require_room(upload.workspace_id, draft.size_bytes + _underway_bytes(upload.workspace_id))
    piece = UploadPiece(upload=upload, start_bytes=start, size_bytes=draft.size_bytes, sha256=draft.sha256)
    store().piece_put(draft, upload.workspace_id, upload.pk, _name_of(piece))
    with write_transaction():
        policies.require(person, upload.workspace_id, Action.FILE_WRITE)
        _advance(upload, start=start, by_bytes=draft.size_bytes)
        if UploadPiece.objects.filter(upload=upload).count() >= MAX_PIECES:
            raise SageError(UPLOAD_PIECES, {"count": MAX_PIECES})
        piece.save(force_insert=True)
        failpoints.hit("upload.piece")


def _finish(person: Person, upload: Upload, last: Draft, *, start: int) -> None:
    with _whole(upload, last) as whole:
        workspace = upload.workspace
        underway = _underway_bytes(workspace.pk) - start
        require_room(workspace.pk, whole.size_bytes + max(underway, 0))
        store().stage(whole, workspace.pk)
        with write_transaction():
            policies.require(person, workspace.pk, Action.FILE_WRITE)
            lock(workspace.pk)
            _advance(upload, start=start, by_bytes=last.size_bytes)
            file: File = do_upload(person, workspace, name=upload.name, draft=whole)
            Upload.objects.filter(pk=upload.pk).update(is_done=True, file=file)
            UploadPiece.objects.filter(upload=upload).delete()
            failpoints.hit("upload.finish")
            after_commit(partial(_remove_pieces, workspace.pk, upload.pk))
    upload.refresh_from_db()


@contextmanager
def _whole(upload: Upload, last: Draft) -> Iterator[Draft]:
    """Everything received and the last piece, one after the other."""
    pieces = list(upload.pieces.order_by("start_bytes"))
    if not pieces:
        yield last
        return
    with Draft() as whole:
        for piece in pieces:
            _copy(_content(upload, piece), whole)
        with last.received() as rest:
            _copy(iter(partial(rest.read, 1 << 20), b""), whole)
        yield whole


def _content(upload: Upload, piece: UploadPiece) -> Iterable[bytes]:
    try:
        return store().piece_stream(upload.workspace_id, upload.pk, _name_of(piece))
    except FileNotFoundError:  # somebody has discarded it meanwhile
        raise NotFound from None


def _copy(chunks: Iterable[bytes], whole: Draft) -> None:
    for chunk in chunks:
        whole.write(chunk)


def _advance(upload: Upload, *, start: int, by_bytes: int) -> None:
    """Move the end of an upload, unless another has. Inside a transaction."""
    moved = Upload.objects.filter(pk=upload.pk, received_bytes=start, is_done=False).update(
        received_bytes=start + by_bytes, updated_at=timezone.now()
    )
    if not moved:
        found = Upload.objects.filter(pk=upload.pk).first()
        if found is None:
            raise NotFound
        raise _misplaced(found.received_bytes, start)
    upload.received_bytes = start + by_bytes


def upload_discard(person: Person, upload: Upload) -> None:
    """Forget an upload and what came of it. A file that it has become stays."""
    with write_transaction():
        policies.require(person, upload.workspace_id, Action.FILE_WRITE)
        Upload.objects.filter(pk=upload.pk).delete()
        after_commit(partial(_remove_pieces, upload.workspace_id, upload.pk))


def uploads_forget(*, now: datetime | None = None) -> int:
    """Remove uploads nobody has gone on with for a day, and pieces without one; how many."""
    before = (now or timezone.now()) - LIVES_FOR
    outlived = list(Upload.objects.filter(updated_at__lt=before).values_list("workspace_id", "pk"))
    for workspace_id, upload_id in outlived:
        with write_transaction():
            if Upload.objects.filter(pk=upload_id, updated_at__lt=before).delete()[0]:
                after_commit(partial(_remove_pieces, workspace_id, upload_id))
    for workspace_id, upload_id in set(store().pieces_held(before.timestamp())):
        if not Upload.objects.filter(pk=upload_id, is_done=False).exists():
            store().pieces_remove(workspace_id, upload_id)
    return len(outlived)


def _remove_pieces(workspace_id: uuid.UUID, upload_id: uuid.UUID) -> None:
    failpoints.hit("upload.finished")
    store().pieces_remove(workspace_id, upload_id)


def _underway_bytes(workspace_id: uuid.UUID) -> int:
    """What lies in the store of uploads that are no files yet."""
    unfinished = Upload.objects.filter(workspace_id=workspace_id, is_done=False)
    return int(unfinished.aggregate(total=Sum("received_bytes"))["total"] or 0)


def _name_of(piece: UploadPiece) -> str:
    return f"{piece.start_bytes:016d}-{piece.sha256}"


def _misplaced(received: int, given: int) -> SageError:
    return SageError(UPLOAD_OFFSET, {"received": received, "given": given})
