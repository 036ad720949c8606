"""Notices to people."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.workspaces.models import Workspace


class Notification(BaseModel):
    """One notice to one person. ``title`` and ``body`` hold both languages (``{en, zh}``); text a
    person wrote is the same in both. ``link`` is a path inside the app."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=50)
    title = models.JSONField()
    body = models.JSONField()
    link = models.CharField(max_length=300, blank=True)
    # NULL, not "": many notices of one person have none, and NULLs do not collide.
    dedupe_key = models.CharField(max_length=200, null=True)  # noqa: DJ001
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["person", "-created_at"], name="notification_person_newest")
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["person", "dedupe_key"], name="notification_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}"
