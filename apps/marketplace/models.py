"""Templates: flows published for everyone on this instance."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.workspaces.models import Workspace


class Template(BaseModel):
    """A published flow as plain data, pinned by hash and free of credentials.

    The body is a copy: the author's later changes reach nobody who did not publish or install
    again, and deleting the flow leaves the template standing. ``credentials`` lists the credentials
    the author used (``node: field``), which whoever installs it has to bring.
    """

    class Category(models.TextChoices):
        AI = "ai"
        DATA = "data"
        INTEGRATION = "integration"
        OTHER = "other"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="templates")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    name = models.CharField(max_length=120)
    summary = models.CharField(max_length=500, blank=True)
    category = models.CharField(max_length=20, choices=Category, default=Category.OTHER)
    flow_id = models.UUIDField(null=True)
    version_number = models.PositiveIntegerField(null=True)
    body = models.JSONField()
    credentials = models.JSONField(default=list)
    semantic_hash = models.CharField(max_length=80)
    uses = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["-created_at"], name="template_newest")]

    def __str__(self) -> str:
        return self.name
