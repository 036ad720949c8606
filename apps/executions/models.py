"""Runs, what their nodes did, and their events. Workers write these through plain SQL
(``adapters/store``); everything else reads them through the ORM."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.flows.models import Definition, Flow
from apps.workspaces.models import Workspace


class Run(BaseModel):
    """One execution of an immutable definition.

    ``owner``, ``fence`` and ``lease_until`` belong to the worker that claimed it: every write of a
    worker carries the fence it got, and each claim raises it. ``last_seq`` is the number of the
    newest event. ``number`` counts the runs of a flow from 1.
    """

    class State(models.TextChoices):
        READY = "ready"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="runs")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="runs")
    definition = models.ForeignKey(Definition, on_delete=models.RESTRICT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.READY)
    trigger = models.CharField(max_length=20, default="manual")
    version = models.PositiveIntegerField(null=True)
    retry_of = models.UUIDField(null=True)
    inputs = models.JSONField(default=dict)
    outputs = models.JSONField(null=True)
    error = models.JSONField(null=True)
    reason = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    owner = models.CharField(max_length=100, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    last_seq = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["flow", "number"], name="run_number_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="run_recent"),
            models.Index(fields=["flow", "-created_at", "-id"], name="run_recent_of_flow"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=["ready", "running"]),
                name="run_claimable",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} #{self.number}"


class NodeRun(models.Model):
    """One attempt of one node in a run. ``outputs`` maps port to value (big ones as references),
    ``ports`` maps port to the number of items on it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="node_runs")
    node_id = models.CharField(max_length=64)
    iteration_path = models.CharField(max_length=500, blank=True)
    attempt = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outputs = models.JSONField(null=True)
    error = models.JSONField(null=True)
    ports = models.JSONField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["run", "node_id", "iteration_path", "attempt"], name="node_run_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.node_id}@{self.attempt}"


class RunEvent(models.Model):
    """One event of a run; only ever added. ``node_id`` is empty for events of the run itself."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=40)
    at = models.DateTimeField()
    node_id = models.CharField(max_length=64, blank=True)
    iteration_path = models.CharField(max_length=500, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    data = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "seq"], name="run_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq} {self.type}"
