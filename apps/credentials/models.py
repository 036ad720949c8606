"""Credentials of a workspace, sealed, and the record of their use."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.workspaces.models import Workspace


class Credential(BaseModel):
    """A secret that flows use by its name. ``allowed_hosts`` are the only places it is sent to;
    one without hosts never leaves the worker (a document's password, say). ``public`` holds the fields of
    its kind that are no secrets; ``header`` and ``prefix`` are what workers of the release before read."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=64)
    allowed_hosts = models.JSONField(default=list)
    public = models.JSONField(default=dict)
    header = models.CharField(max_length=100, default="Authorization")
    prefix = models.CharField(max_length=50, blank=True, default="Bearer")
    key_id = models.CharField(max_length=16)
    wrapped_key = models.BinaryField()
    ciphertext = models.BinaryField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["key_id"], name="credential_key")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "name"], name="credential_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class CredentialUse(models.Model):
    """That a run (or a person's test, without a run) used a credential toward a host."""

    id = models.BigAutoField(primary_key=True)
    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="uses")
    run_id = models.UUIDField(null=True)
    host = models.CharField(max_length=260, blank=True)
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["credential", "run_id", "host"], name="credential_use_once"),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.used_at:%Y-%m-%d}"
