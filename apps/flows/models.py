"""Flows of a workspace and the immutable definitions they, their versions and their runs point at."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.common.models import BaseModel
from apps.workspaces.models import Workspace


class Definition(BaseModel):
    """One state of a flow, never changed after it is written.

    ``semantic_hash`` covers what runs, ``layout_hash`` the rest; together they name the body, so
    the same state is stored once per workspace.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="definitions")
    semantic_hash = models.CharField(max_length=80)
    layout_hash = models.CharField(max_length=80)
    body = models.JSONField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace", "semantic_hash", "layout_hash"], name="definition_once"
            ),
        ]

    def __str__(self) -> str:
        return self.semantic_hash


class Flow(BaseModel):
    """A flow as lists show it. The live document is the truth; ``name``, ``description``,
    ``node_count`` and ``definition`` are its latest projection, refreshed shortly after edits.

    Each workspace may have one that ``is_scratch``: runs of single nodes are its runs, and no list shows it.
    ``last_run_*`` repeat the newest run, told by the app that owns runs.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="flows")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    definition = models.ForeignKey(Definition, on_delete=models.RESTRICT, related_name="+")
    node_count = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    edited_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True)
    is_scratch = models.BooleanField(default=False, db_default=False)
    last_run_id = models.UUIDField(null=True)
    last_run_state = models.CharField(max_length=20, blank=True)
    last_run_finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "-edited_at", "id"], name="flow_recent"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(is_scratch=True), name="flow_scratch_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name
