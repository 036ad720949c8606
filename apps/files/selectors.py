"""Reading files and blobs of one workspace; what belongs to another is not there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import Length

from apps.accounts.models import Person
from apps.common.errors import NotFound
from apps.files.errors import BLOB_GONE, FILE_GONE
from apps.files.models import Blob, File, Retention, Upload, VectorEntry, used_bytes
from apps.files.store import store
from apps.files.types import FILE_REF, Kind, digest_of_key
from apps.workspaces.models import Workspace
from sage_studio.kernel import SageError
from sage_studio.plugins.samples import PREFIX as SAMPLE, sample_bytes
from sage_studio.sdk import FileRef

CHUNK_BYTES = 1 << 20
FLOAT_BYTES = 4


def file_list(
    workspace: Workspace, *, kind: str = "", run_id: uuid.UUID | None = None, name: str = ""
) -> QuerySet[File]:
    """Files of a workspace, to be paged; ``name`` is a part of theirs."""
    files = File.objects.filter(workspace=workspace).select_related("created_by")
    if kind:
        files = files.filter(kind=kind)
    if name:
        files = files.filter(name__icontains=name)
    return files.filter(run_id=run_id) if run_id else files


def file_get(workspace: Workspace, file_id: uuid.UUID) -> File:
    """Raises NotFound."""
    file = File.objects.filter(workspace=workspace, pk=file_id).select_related("blob", "created_by").first()
    if file is None:
        raise NotFound
    return file


def upload_get(person: Person, workspace: Workspace, upload_id: uuid.UUID) -> Upload:
    """An upload of this person. Raises NotFound."""
    found = Upload.objects.filter(workspace=workspace, person=person, pk=upload_id)
    upload = found.select_related("file", "workspace").first()
    if upload is None:
        raise NotFound
    return upload


def uploads_unfinished(person: Person, workspace: Workspace) -> list[Upload]:
    """What this person has begun to send and not finished, the oldest first."""
    found = Upload.objects.filter(workspace=workspace, person=person, is_done=False)
    return list(found.select_related("file").order_by("created_at"))


@dataclass(frozen=True, slots=True)
class Kept:
    """How many of a kind there are, and their size."""

    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Storage:
    """What a workspace keeps. ``used_bytes`` counts equal content once; a quota of 0 is none."""

    used_bytes: int
    quota_bytes: int
    max_upload_bytes: int
    uploads: Kept
    artifacts: Kept
    values: Kept
    vectors: Kept
    uploads_days: int
    artifacts_days: int


def storage_of(workspace: Workspace) -> Storage:
    """The sizes of all that a workspace keeps, and for how long it does."""
    retention = Retention.objects.filter(workspace=workspace).first() or Retention(workspace=workspace)
    files = File.objects.filter(workspace=workspace)
    return Storage(
        used_bytes=used_bytes(workspace.pk),
        quota_bytes=int(settings.WORKSPACE_QUOTA_BYTES),
        max_upload_bytes=int(settings.MAX_UPLOAD_BYTES),
        uploads=_kept(files.filter(kind=Kind.UPLOAD)),
        artifacts=_kept(files.filter(kind=Kind.ARTIFACT)),
        values=_kept(Blob.objects.filter(workspace=workspace, is_value=True)),
        vectors=_kept_vectors(workspace),
        uploads_days=retention.uploads_days,
        artifacts_days=retention.artifacts_days,
    )


def _kept(rows: QuerySet[Any]) -> Kept:
    found = rows.aggregate(count=Count("pk"), size=Sum("size_bytes"))
    return Kept(found["count"], int(found["size"] or 0))


def _kept_vectors(workspace: Workspace) -> Kept:
    """Four bytes a dimension and the text; what describes it is left out."""
    entries = VectorEntry.objects.filter(collection__workspace=workspace)
    size = Sum(F("collection__dimensions") * FLOAT_BYTES + Length("text"))
    found = entries.aggregate(count=Count("pk"), size=size)
    return Kept(found["count"], int(found["size"] or 0))


def blob_find(workspace: Workspace, key: str) -> Blob:
    """Raises NotFound."""
    digest = digest_of_key(key)
    blob = Blob.objects.filter(workspace=workspace, sha256=digest).first() if digest else None
    if blob is None:
        raise NotFound
    return blob


def blob_get(workspace_id: uuid.UUID, key: str) -> bytes:
    """The content behind ``sha256:…``. Raises SageError ``blob.gone``."""
    digest = digest_of_key(key)
    gone = SageError(BLOB_GONE, {"key": key[:80]})
    if digest is None or not Blob.objects.filter(workspace_id=workspace_id, sha256=digest).exists():
        raise gone
    try:
        return store().read(workspace_id, digest)
    except FileNotFoundError as error:
        raise gone from error


def _digest_of(workspace_id: uuid.UUID, file: FileRef) -> str:
    """The hash of an uploaded or written file. Raises SageError ``file.gone``."""
    gone = SageError(FILE_GONE, {"name": file["name"]})
    try:
        file_id = uuid.UUID(file["ref"].removeprefix(FILE_REF))
    except ValueError:
        raise gone from None
    found = File.objects.filter(workspace_id=workspace_id, pk=file_id).values_list("blob__sha256", flat=True)
    digest = found.first() if file["ref"].startswith(FILE_REF) else None
    if digest is None:
        raise gone
    return digest


def file_read(workspace_id: uuid.UUID, file: FileRef) -> bytes:
    """The content of a File value: a file of this workspace or a sample, never a path.

    Raises SageError ``file.gone`` or ``file.no_sample``.
    """
    if file["ref"].startswith(SAMPLE):
        return sample_bytes(file["ref"].removeprefix(SAMPLE))
    try:
        return store().read(workspace_id, _digest_of(workspace_id, file))
    except FileNotFoundError as error:
        raise SageError(FILE_GONE, {"name": file["name"]}) from error


def file_stream(workspace_id: uuid.UUID, file: FileRef, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The same in pieces, in constant memory. The rights are checked before the first piece."""
    if file["ref"].startswith(SAMPLE):
        content = sample_bytes(file["ref"].removeprefix(SAMPLE))
        return (content[at : at + chunk_bytes] for at in range(0, len(content), chunk_bytes))
    try:
        return store().stream(workspace_id, _digest_of(workspace_id, file), chunk_bytes)
    except FileNotFoundError as error:
        raise SageError(FILE_GONE, {"name": file["name"]}) from error
