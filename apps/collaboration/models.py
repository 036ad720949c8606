"""Live documents as rows: the journal is the truth, snapshots shorten it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from apps.flows.models import Flow


class Document(models.Model):
    """The live document of one flow.

    ``epoch`` names its lineage: clients of another epoch must not merge. ``head_seq`` is the
    number of the newest journal row; it is only raised inside the transaction that inserts the
    rows. ``projected_seq`` says up to where ``Flow`` shows the document. ``openings`` counts loads
    that have begun and not succeeded, so that a document that kills its host is set aside.
    """

    flow = models.OneToOneField(Flow, primary_key=True, on_delete=models.CASCADE, related_name="document")
    epoch = models.PositiveIntegerField(default=1)
    head_seq = models.BigIntegerField(default=0)
    snapshot_seq = models.BigIntegerField(default=0)
    projected_seq = models.BigIntegerField(default=0)
    encoded_bytes = models.BigIntegerField(default=0)
    server_client_id = models.BigIntegerField()
    openings = models.PositiveIntegerField(default=0)
    quarantined_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.flow_id} at {self.head_seq}"


class DocumentUpdate(models.Model):
    """One journal row: CRDT bytes that were applied before they were written.

    ``origin`` is ``room`` for browsers, else what the headless writer was called for; ``author``
    is a person's id kept as a plain value, because the journal outlives accounts.
    """

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="updates")
    epoch = models.PositiveIntegerField()
    seq = models.BigIntegerField()
    body = models.BinaryField()
    author_id = models.UUIDField(null=True)
    origin = models.CharField(max_length=40)
    summary = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["document", "epoch", "seq"], name="document_update_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} #{self.seq}"


class DocumentSnapshot(models.Model):
    """The whole document up to ``seq``. A table of its own, so that raising ``head_seq`` on every
    tick does not rewrite a large row."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="snapshots")
    epoch = models.PositiveIntegerField()
    seq = models.BigIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["document", "epoch", "seq"], name="document_snapshot_seq"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} up to {self.seq}"


class DocumentClient(models.Model):
    """Which person a CRDT client id belongs to: bound at first use, kept over reconnects.
    ``person_id`` is empty for the server's own id."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="clients")
    client_id = models.BigIntegerField()
    person_id = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["document", "client_id"], name="document_client_once"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} of {self.document_id}"
