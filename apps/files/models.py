"""Files of a workspace, the content behind them, and collections of vectors.

Content lies on disk (``apps.files.disk``), named by its hash inside the workspace's own folder:
nothing is shared between workspaces, so a hash tells nobody what others have.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from apps.common.models import BaseModel
from apps.files.types import FILE_REF, KEEP_ARTIFACTS_DAYS, MARK_LENGTH, Kind
from apps.workspaces.models import Workspace


class Blob(models.Model):
    """Content known by (workspace, sha256). ``is_value`` marks values of runs, which outlive files: they go
    when nothing has named them for a while (``services.collecting``). ``touched_at`` is when it was last
    put, within an hour; ``names_others`` whether its content may hold keys of further blobs."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    mime = models.CharField(max_length=200)
    is_value = models.BooleanField(default=False)
    names_others = models.BooleanField(default=True, db_default=True)
    touched_at = models.DateTimeField(default=timezone.now, db_default=Now())
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="blob_once"),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]


def used_bytes(workspace_id: uuid.UUID) -> int:
    """What a workspace's content takes, equal content once."""
    used = Blob.objects.filter(workspace_id=workspace_id).aggregate(total=models.Sum("size_bytes"))["total"]
    return int(used or 0)


class File(BaseModel):
    """A named file: uploaded by a person or written by a run (``run_id`` is a plain id)."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="files")
    blob = models.ForeignKey(Blob, on_delete=models.RESTRICT, related_name="files")
    name = models.CharField(max_length=200)
    mime = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in Kind])
    run_id = models.UUIDField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "-created_at"], name="file_list"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # A node that is run again after a crash finds the file it had written.
            models.UniqueConstraint(
                fields=["workspace", "run_id", "name", "blob"],
                condition=models.Q(run_id__isnull=False),
                name="artifact_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """How flows name this file."""
        return f"{FILE_REF}{self.pk}"


class Upload(BaseModel):
    """A file on its way in pieces, of one person. It goes on at ``received_bytes`` after any break; the last
    piece and ``file`` come in one transaction, so that what has all its bytes is a file. ``mark`` is what
    the sender knows the file by when it is chosen again."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file = models.ForeignKey(File, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=200)
    mark = models.CharField(max_length=MARK_LENGTH, blank=True)
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    is_done = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "person"], name="upload_list"),
            models.Index(fields=["updated_at"], name="upload_expiry"),
        ]

    def __str__(self) -> str:
        return self.name


class UploadPiece(models.Model):
    """A piece that lies in the store: what was sent from ``start_bytes`` on."""

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="pieces")
    start_bytes = models.BigIntegerField()
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["upload", "start_bytes"], name="upload_piece_once"),
        ]

    def __str__(self) -> str:
        return f"{self.start_bytes}+{self.size_bytes}"


class Retention(models.Model):
    """For how many days a workspace keeps its files (0: always). A workspace without a row keeps to the
    defaults."""

    workspace = models.OneToOneField(Workspace, primary_key=True, on_delete=models.CASCADE, related_name="+")
    uploads_days = models.PositiveSmallIntegerField(default=0)
    artifacts_days = models.PositiveSmallIntegerField(default=KEEP_ARTIFACTS_DAYS)

    def __str__(self) -> str:
        return f"{self.uploads_days}, {self.artifacts_days}"


class VectorCollection(BaseModel):
    """Embedded texts under one name. ``revision`` rises with every write, so that readers may cache."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    model = models.CharField(max_length=300)
    dimensions = models.PositiveIntegerField()
    revision = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "name"], name="vector_collection_once"),
        ]

    def __str__(self) -> str:
        return self.name


class VectorEntry(models.Model):
    """One text with its vector (little-endian float32, ``dimensions`` of them)."""

    id = models.BigAutoField(primary_key=True)
    collection = models.ForeignKey(VectorCollection, on_delete=models.CASCADE, related_name="entries")
    key = models.CharField(max_length=100)
    text = models.TextField()
    metadata = models.JSONField()
    vector = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["collection", "key"], name="vector_entry_once"),
        ]

    def __str__(self) -> str:
        return self.key


class FlowValue(models.Model):
    """A value that is kept; ``flow_id`` is the flow, the run or the workspace whose value it is."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flow_id = models.UUIDField()
    key = models.CharField(max_length=200)
    value = models.JSONField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "flow_id", "key"], name="flow_value_once"),
        ]

    def __str__(self) -> str:
        return self.key
