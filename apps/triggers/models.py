"""What cannot be derived of triggers. Which of them are live, and how they are set, says the published
version of their flow; what they have done say its runs."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.flows.models import Flow
from apps.workspaces.models import Workspace


class Trigger(BaseModel):
    """A trigger node of a flow. Its id is its address, so it is made once and kept as long as the flow.

    ``next_at`` is when a schedule fires next (null: never, or none), ``due_for`` the time it is for, without
    the spreading, and ``schedule`` the settings both were computed from. The newest refusal is in
    ``last_error``. While ``listening_until`` lies ahead, one call of the test address starts the draft in
    the name of ``listener``.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="triggers")
    node_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=40)
    is_paused = models.BooleanField(default=False)
    next_at = models.DateTimeField(null=True)
    due_for = models.DateTimeField(null=True)
    schedule = models.CharField(max_length=64, blank=True)
    refusals = models.PositiveIntegerField(default=0)
    last_error = models.JSONField(null=True)
    last_error_at = models.DateTimeField(null=True)
    listening_until = models.DateTimeField(null=True)
    listener = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["flow", "node_id"], name="trigger_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=models.Q(next_at__isnull=False), name="trigger_due"),
            models.Index(fields=["workspace", "kind"], name="trigger_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.flow_id} {self.node_id}"


class Delivery(models.Model):
    """A call or an event that has started its run, by the name it came under: a second one is the first."""

    id = models.BigAutoField(primary_key=True)
    trigger = models.ForeignKey(Trigger, on_delete=models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=200)
    run_id = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["trigger", "key"], name="delivery_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["created_at"], name="delivery_age"),
        ]

    def __str__(self) -> str:
        return self.key
