"""Runs, what their nodes did, and their events. Workers write these through plain SQL
(``adapters/store``); everything else reads them through the ORM."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.common.ids import ordered_id
from apps.common.models import BaseModel
from apps.flows.models import Definition, Flow
from apps.workspaces.models import Workspace

# Two servers' clocks may differ this much without delaying a run that is due at once.
CLOCK_SKEW = timedelta(seconds=2)
# "Until" of a parked run that waits for signals only.
NEVER = datetime(2999, 1, 1, tzinfo=UTC)


def due_now() -> datetime:
    """A ``lease_until`` that lets any worker claim the run at once."""
    return timezone.now() - CLOCK_SKEW


class Run(BaseModel):
    """One execution of an immutable definition.

    ``owner``, ``fence`` and ``lease_until`` belong to the worker that claimed it: every write of a
    worker carries the fence it got, and each claim raises it. From ``lease_until`` on anybody may
    claim a run that is ready or running; a *parked* run (running, no owner) waits with it for its
    time. ``losses`` counts the workers that died over it since it last got on. ``last_seq`` is the
    number of the newest event. ``number`` counts the runs of a flow from 1.

    ``debug`` is what its debug session begins with (null: nobody debugs it), ``part`` what of the flow
    it runs (null: all). ``plugins`` are the packages of plug-ins whose code it was accepted with, by
    content (null: its flow needs none).

    ``cost_micros`` is what its own nodes have spent, in millionths of ``cost_currency``; what the runs it
    started have spent is theirs. ``budget`` (``{amount, currency}``, null: none) is the flow's for this
    run, or what a person has raised it to.

    A sub-flow is a run with a ``parent_run``; ``parent_path`` is the key its parent started it under
    and waits for.
    """

    class State(models.TextChoices):
        READY = "ready"
        RUNNING = "running"
        PAUSED = "paused"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=ordered_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="runs", db_index=False)
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="runs", db_index=False)
    definition = models.ForeignKey(Definition, on_delete=models.RESTRICT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.READY)
    trigger = models.CharField(max_length=20, default="manual")
    version = models.PositiveIntegerField(null=True)
    retry_of = models.UUIDField(null=True)
    inputs = models.JSONField(default=dict)
    debug = models.JSONField(null=True)
    part = models.JSONField(null=True)
    plugins = models.JSONField(null=True)
    budget = models.JSONField(null=True)
    cost_micros = models.BigIntegerField(default=0, db_default=0)
    cost_currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    outputs = models.JSONField(null=True)
    error = models.JSONField(null=True)
    reason = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    pause_requested_at = models.DateTimeField(null=True)
    parent_run = models.ForeignKey(
        "self", null=True, on_delete=models.CASCADE, related_name="children", db_index=False
    )
    parent_path = models.CharField(max_length=2200, blank=True, db_default="")
    depth = models.PositiveSmallIntegerField(default=0, db_default=0)
    owner = models.CharField(max_length=100, blank=True)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, default=due_now)
    losses = models.PositiveIntegerField(default=0, db_default=0)
    last_seq = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["flow", "number"], name="run_number_once"),
            models.UniqueConstraint(
                fields=["parent_run", "parent_path"],
                condition=models.Q(parent_run__isnull=False),
                name="run_child_once",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="run_recent"),
            models.Index(fields=["flow", "-created_at", "-id"], name="run_recent_of_flow"),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(state__in=["ready", "running"]),
                name="run_due",
            ),
            models.Index(fields=["owner"], condition=models.Q(owner__gt=""), name="run_held"),
            models.Index(
                fields=["workspace", "-created_at", "-id"],
                condition=models.Q(parent_run__isnull=True),
                name="run_recent_top",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} #{self.number}"


class NodeRun(models.Model):
    """One attempt of one node in a run, or an iteration of a container.

    ``outputs`` maps port to value (big ones as references), ``ports`` maps port to the number of
    items on it; ``inputs`` and ``config`` are kept when a run is debugged. ``waits`` holds what the
    attempt waits or waited for, by name. An iteration's own row has the container's ``node_id``, the
    iteration's path, and in ``outer_path`` the path its container lives in. ``is_lost`` marks an
    attempt that ended with its worker, ``is_reused`` one that a redrive took over from an earlier run.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="node_runs", db_index=False)
    node_id = models.CharField(max_length=64)
    iteration_path = models.CharField(max_length=2000, blank=True)
    attempt = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outputs = models.JSONField(null=True)
    error = models.JSONField(null=True)
    ports = models.JSONField(null=True)
    inputs = models.JSONField(null=True)
    config = models.JSONField(null=True)
    waits = models.JSONField(null=True)
    resources = models.JSONField(null=True)
    outer_path = models.CharField(max_length=2000, null=True)  # noqa: DJ001 - "" is the top level
    is_lost = models.BooleanField(default=False, db_default=False)
    is_reused = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Each index is a page more in every completion's commit, so this one also finds a run's levels.
            models.UniqueConstraint(
                fields=["run", "iteration_path", "node_id", "attempt"], name="node_run_once"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["run", "node_id"],
                condition=models.Q(outer_path__isnull=False),
                name="node_run_iteration",
            ),
            models.Index(fields=["run"], condition=models.Q(state="waiting"), name="node_run_waiting"),
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
    iteration_path = models.CharField(max_length=2000, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    data = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "seq"], name="run_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq} {self.type}"


class Signal(models.Model):
    """Something a run waits for has happened: an approval, the end of a child run.

    ``key`` is the engine's address of the wait (node, path, name); a second signal under one key is
    the first one again. ``child`` is the child run whose end this is: what it gave is read from its
    row. ``is_taken`` says that the run's worker has heard of it; a parked run with
    one that is not taken is due.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="signals", db_index=False)
    key = models.CharField(max_length=2200)
    payload = models.JSONField(null=True)
    child = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    is_taken = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "key"], name="signal_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run"], condition=models.Q(is_taken=False), name="signal_untaken"),
        ]

    def __str__(self) -> str:
        return self.key


class CachedNode(models.Model):
    """Outputs of a node without effects, by the hash of everything they follow from."""

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=80)
    outputs = models.JSONField()
    size_bytes = models.BigIntegerField()
    used_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "key"], name="cached_node_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["workspace", "used_at"], name="cached_node_used"),
        ]

    def __str__(self) -> str:
        return self.key


class ModelPrice(BaseModel):
    """What a workspace pays for a model: micros of ``currency`` per million tokens. It counts instead of
    the list price."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    model = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    input_micros = models.BigIntegerField()
    output_micros = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "model"], name="model_price_once"),
        ]

    def __str__(self) -> str:
        return self.model


class DebugCommand(models.Model):
    """Something a person told a run's debug session; ``seq`` numbers them within the run from 1.

    ``is_told`` says that the worker which holds the run has heard of it; whether it was carried out is
    in the run's log (``debug_state``), so a worker that takes the run over reads them anew.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="debug_commands", db_index=False)
    seq = models.PositiveIntegerField()
    shape = models.JSONField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    is_told = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "seq"], name="debug_command_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run"], condition=models.Q(is_told=False), name="debug_command_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq}"


class FlowBreakpoints(models.Model):
    """The breakpoints that debug runs of a flow begin with; one set for everybody who works on it."""

    flow = models.OneToOneField(Flow, primary_key=True, on_delete=models.CASCADE, related_name="+")
    points = models.JSONField(default=list)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return str(self.flow_id)


class NodeJob(models.Model):
    """One attempt of a node that any worker of its ``queue`` may do, for a run another worker holds.

    ``call`` and ``answer`` are sealed: they hold values as they pass between nodes, secrets included
    (big ones lie in a blob under ``call_key`` and ``answer_key``). ``digest`` says what is to be done:
    whoever takes the run over finds the job of the worker before it. ``owner``, ``fence`` and
    ``lease_until`` as of a run; ``claims`` counts the workers that took it. A job that must not be begun
    twice (``is_repeatable`` is false) fails when its worker is lost. The row goes when the answer is
    taken.
    """

    class State(models.TextChoices):
        READY = "ready"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    node_id = models.CharField(max_length=64)
    iteration_path = models.CharField(max_length=2000, blank=True)
    digest = models.CharField(max_length=64)
    queue = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=State, default=State.READY)
    is_repeatable = models.BooleanField(default=True)
    is_cancelled = models.BooleanField(default=False)
    call = models.BinaryField(null=True)
    call_key = models.CharField(max_length=80, blank=True)
    answer = models.BinaryField(null=True)
    answer_key = models.CharField(max_length=80, blank=True)
    owner = models.CharField(max_length=100, blank=True)
    fence = models.PositiveIntegerField(default=0)
    claims = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["run", "node_id", "iteration_path", "digest"],
                condition=models.Q(state__in=["ready", "running", "done"], is_cancelled=False),
                name="node_job_once",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["queue", "created_at"],
                condition=models.Q(state__in=["ready", "running"]),
                name="node_job_open",
            ),
            models.Index(fields=["owner"], condition=models.Q(owner__gt=""), name="node_job_held"),
        ]

    def __str__(self) -> str:
        return f"{self.node_id} {self.state}"


class NodeJobNote(models.Model):
    """A line or a step of progress on its way from a job to its run; secrets are blotted already."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(NodeJob, on_delete=models.CASCADE, related_name="notes")
    shape = models.JSONField()

    def __str__(self) -> str:
        return str(self.job_id)
