"""Storing and removing content. Rows and disk agree: a row exists only for content in place.

Placing and removing content of one workspace are serialised by its row, so that a file deleted at
the same moment as an equal one arrives cannot take the new one's content away.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common import failpoints
from apps.common.db import after_commit, write_transaction
from apps.common.errors import NotFound
from apps.common.events import emit
from apps.files import disk
from apps.files.errors import FILE_OF_RUN
from apps.files.events import FILE_UPLOADED
from apps.files.models import Blob, File
from apps.files.services.storage import files_expired, require_room
from apps.files.store import store
from apps.files.types import KEY_PREFIX, Kind, clean_name
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.support.sniff import sniff_mime

_MIME_LENGTH = 200
# How exactly ``touched_at`` is kept: not every put of a known value writes.
_TOUCHED_EVERY = timedelta(hours=1)


def lock(workspace_id: uuid.UUID) -> None:
    """Hold the workspace's row until the transaction ends."""
    Workspace.objects.select_for_update().only("pk").get(pk=workspace_id)


def _blob(
    workspace_id: uuid.UUID, draft: disk.Draft, mime: str, *, is_value: bool, names_others: bool = True
) -> Blob:
    """The row and the content of a draft. Inside a transaction that holds the workspace's row."""
    blob, is_new = Blob.objects.get_or_create(
        workspace_id=workspace_id,
        sha256=draft.sha256,
        defaults={
            "size_bytes": draft.size_bytes,
            "mime": mime[:_MIME_LENGTH],
            "is_value": is_value,
            "names_others": names_others,
        },
    )
    if not is_new:
        blob.is_value = blob.is_value or is_value
        blob.touched_at = timezone.now()
        blob.save(update_fields=["is_value", "touched_at"])
    store().place(draft, workspace_id)
    failpoints.hit("blob.stored")
    return blob


def file_upload(person: Person, workspace: Workspace, *, name: str, draft: disk.Draft) -> File:
    """Keep an uploaded file; its type is judged by content, not by what the browser said.

    Raises SageError ``file.quota``.
    """
    require_room(workspace.pk, draft.size_bytes)
    store().stage(draft, workspace.pk)
    with write_transaction():
        policies.require(person, workspace.pk, Action.FILE_WRITE)
        lock(workspace.pk)
        return do_upload(person, workspace, name=name, draft=draft)


def do_upload(person: Person, workspace: Workspace, *, name: str, draft: disk.Draft) -> File:
    """The row of an uploaded file. The caller has asked for room and the right, has staged the draft and
    holds the workspace's row."""
    shown = clean_name(name)
    mime = sniff_mime(shown, draft.head)
    file = File.objects.create(
        workspace=workspace,
        blob=_blob(workspace.pk, draft, mime, is_value=False),
        name=shown,
        mime=mime,
        size_bytes=draft.size_bytes,
        kind=Kind.UPLOAD,
        created_by=person,
    )
    record(person, "file.uploaded", workspace.pk, ("file", file.pk), after=_facts(file))
    emit(FILE_UPLOADED, {"file_id": str(file.pk)})
    return file


def file_rename(person: Person, workspace: Workspace, file_id: uuid.UUID, *, name: str) -> File:
    """Give an upload another name. Flows go on finding it: they know it by its id.

    Raises NotFound, and SageError ``file.of_run`` for one that a run wrote.
    """
    with write_transaction():
        policies.require(person, workspace.pk, Action.FILE_WRITE)
        file = (
            File.objects.filter(workspace=workspace, pk=file_id).select_related("blob", "created_by").first()
        )
        if file is None:
            raise NotFound
        if file.kind == Kind.ARTIFACT:
            raise SageError(FILE_OF_RUN, {"name": file.name})
        before = _facts(file)
        file.name = clean_name(name)
        file.save(update_fields=["name", "updated_at"])
        record(person, "file.renamed", workspace.pk, ("file", file.pk), before=before, after=_facts(file))
    return file


def file_delete(person: Person, workspace: Workspace, file_id: uuid.UUID) -> None:
    """Remove a file, and its content when nothing else has the same. Deleting twice is fine."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.FILE_WRITE)
        file = File.objects.filter(workspace=workspace, pk=file_id).select_related("blob").first()
        if file is None:
            return
        record(person, "file.deleted", workspace.pk, ("file", file.pk), before=_facts(file))
        digest = file.blob.sha256
        file.delete()
        after_commit(lambda: _forget_if_unused(workspace.pk, digest))


def files_forget(*, now: datetime | None = None) -> int:
    """Remove the files whose time is over; how many."""
    expired = files_expired(now or timezone.now())
    for workspace_id, file_id in expired:
        with write_transaction():
            file = File.objects.filter(pk=file_id).select_related("blob").first()
            if file is not None:
                digest = file.blob.sha256
                file.delete()
                after_commit(partial(_forget_if_unused, workspace_id, digest))
    return len(expired)


def _forget_if_unused(workspace_id: uuid.UUID, digest: str) -> None:
    with write_transaction():
        lock(workspace_id)
        unused = Blob.objects.filter(
            workspace_id=workspace_id, sha256=digest, is_value=False, files__isnull=True
        )
        if unused.delete()[0]:
            # After the row: content without a row is only waste, a row without content is a fault.
            after_commit(lambda: remove_content(workspace_id, digest))


def remove_content(workspace_id: uuid.UUID, digest: str) -> None:
    """Remove what lies on disk under a digest no row has any more."""
    failpoints.hit("tidy.content")
    with write_transaction():
        lock(workspace_id)
        if not Blob.objects.filter(workspace_id=workspace_id, sha256=digest).exists():
            store().remove(workspace_id, digest)


def artifact_write(
    workspace_id: uuid.UUID, *, run_id: uuid.UUID, name: str, mime: str, draft: disk.Draft
) -> File:
    """Keep a file a run wrote. The same file of the same run is one file, however often it is written.

    Raises SageError ``file.quota``.
    """
    require_room(workspace_id, draft.size_bytes)
    store().stage(draft, workspace_id)
    with write_transaction():
        lock(workspace_id)
        blob = _blob(workspace_id, draft, mime, is_value=False)
        file, _made = File.objects.get_or_create(
            workspace_id=workspace_id,
            run_id=run_id,
            name=clean_name(name),
            blob=blob,
            defaults={
                "mime": mime[:_MIME_LENGTH],
                "size_bytes": draft.size_bytes,
                "kind": Kind.ARTIFACT,
            },
        )
    return file


def artifacts_discard(workspace_id: uuid.UUID, run_id: uuid.UUID) -> None:
    """Remove the files of a run that did not come about."""
    with write_transaction():
        files = File.objects.filter(workspace_id=workspace_id, run_id=run_id, kind=Kind.ARTIFACT)
        for file in files.select_related("blob"):
            digest = file.blob.sha256
            file.delete()
            after_commit(partial(_forget_if_unused, workspace_id, digest))


def blob_put(workspace_id: uuid.UUID, content: bytes, mime: str = "application/octet-stream") -> str:
    """Keep a value of a run; returns its key ``sha256:…``. Equal content is kept once. Whoever puts it has
    at least a day to name it in a row (``collecting.GRACE``)."""
    with disk.Draft() as draft:
        draft.write(content)
        known = Blob.objects.filter(
            workspace_id=workspace_id,
            sha256=draft.sha256,
            is_value=True,
            touched_at__gt=timezone.now() - _TOUCHED_EVERY,
        )
        if not (known.exists() and store().exists(workspace_id, draft.sha256)):
            names_others = KEY_PREFIX.encode() in content
            store().stage(draft, workspace_id)
            with write_transaction():
                lock(workspace_id)
                _blob(workspace_id, draft, mime, is_value=True, names_others=names_others)
        return KEY_PREFIX + draft.sha256


def workspace_content_remove(payload: JsonObject) -> None:
    """The workspace is gone: so is what it kept on disk. Handles ``workspace.deleted``."""
    store().remove_workspace(uuid.UUID(str(payload["workspace_id"])))


def _facts(file: File) -> JsonObject:
    return {"name": file.name, "mime": file.mime, "size_bytes": file.size_bytes}
