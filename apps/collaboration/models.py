"""Live documents as rows: the journal is the truth, snapshots shorten it. And what people say and
share about flows beside their documents: comments, activity, links, visits."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.common.models import BaseModel
from apps.flows.models import Flow


class Document(models.Model):
    """The live document of one flow.

    ``epoch`` names its lineage: clients of another epoch must not merge. ``head_seq`` is the
    number of the newest journal row; it is only raised inside the transaction that inserts the
    rows. ``projected_seq`` says up to where ``Flow`` shows the document, ``activity_seq``
    up to where the journal has been told as activity. ``openings`` counts loads
    that have begun and not succeeded, so that a document that kills its host is set aside.
    """

    flow = models.OneToOneField(Flow, primary_key=True, on_delete=models.CASCADE, related_name="document")
    epoch = models.PositiveIntegerField(default=1)
    head_seq = models.BigIntegerField(default=0)
    snapshot_seq = models.BigIntegerField(default=0)
    projected_seq = models.BigIntegerField(default=0)
    activity_seq = models.BigIntegerField(default=0, db_default=0)
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


class CommentThread(BaseModel):
    """A conversation about a node or a place on the canvas.

    With ``node_id`` the position is an offset from the node's corner, else a place on the canvas.
    ``node_name`` is what the node was called, for the day it is gone. Rows, not part of the CRDT
    document: viewers may comment, and authorship can be enforced.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="comment_threads")
    node_id = models.CharField(max_length=120, blank=True)
    node_name = models.CharField(max_length=200, blank=True)
    x = models.FloatField()
    y = models.FloatField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    active_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["flow", "-active_at", "id"], name="comment_thread_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} {self.node_id or (self.x, self.y)}"


class Comment(BaseModel):
    """One message of a thread. ``body`` is plain text in which ``<@person id>`` mentions somebody;
    ``mentions`` are those of them who were members when it was written."""

    thread = models.ForeignKey(CommentThread, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    body = models.TextField()
    mentions = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    edited_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["thread", "created_at"], name="comment_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} in {self.thread_id}"


class CommentReaction(BaseModel):
    """One person's one sign under a comment."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="reactions")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=8)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["comment", "person", "emoji"], name="comment_reaction_once"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} under {self.comment_id}"


class FlowActivity(BaseModel):
    """What one person did to a flow in one stretch, told from journal rows before they are compacted.

    ``kind`` is ``edited`` for journal rows ``first_seq``…``last_seq``; other kinds (a version
    committed …) have no rows and carry ``facts``. ``person_id`` is plain: history outlives accounts.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="activities")
    kind = models.CharField(max_length=40)
    person_id = models.UUIDField(null=True)
    origin = models.CharField(max_length=40, blank=True)
    summary = models.CharField(max_length=300, blank=True)
    epoch = models.PositiveIntegerField(default=1)
    first_seq = models.BigIntegerField(null=True)
    last_seq = models.BigIntegerField(null=True)
    changes = models.JSONField(default=list)
    more = models.PositiveIntegerField(default=0)
    facts = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["flow", "-ended_at", "id"], name="flow_activity_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.flow_id}"


class ShareLink(BaseModel):
    """A link by which people outside see one flow's drawing. Its token is derived from the id and
    the secret key, so the table holds nothing that lets anyone in. It dies with its maker's right."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="share_links")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.flow_id} until {self.expires_at or 'taken back'}"


class FlowVisit(models.Model):
    """Somebody has the flow open in some web process, as of ``seen_at`` (renewed while it lasts)."""

    id = models.BigAutoField(primary_key=True)
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="visits")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["flow", "person"], name="flow_visit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.flow_id}"
