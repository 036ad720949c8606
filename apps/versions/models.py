"""Committed versions of a flow and which of them is published."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.flows.models import Definition, Flow
from apps.workspaces.models import Workspace


class Version(BaseModel):
    """One commit: an immutable definition with a message. Numbers count from 1 per flow."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="versions")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    message = models.CharField(max_length=500)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    parent = models.ForeignKey("self", null=True, on_delete=models.RESTRICT, related_name="children")
    definition = models.ForeignKey(Definition, on_delete=models.RESTRICT, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["flow", "number"], name="version_number_once"),
        ]
        ordering: ClassVar[list[str]] = ["-number"]

    def __str__(self) -> str:
        return f"v{self.number}"


class Publication(BaseModel):
    """Which version of a flow is live. One row per flow, moved by publishing another version."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="publication")
    version = models.ForeignKey(Version, on_delete=models.RESTRICT, related_name="+")
    publisher = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
