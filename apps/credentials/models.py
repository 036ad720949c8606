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
    # Of accounts connected by OAuth 2: since when, until when the token holds, who is renewing it, and why
    # the last renewal failed.
    connected_at = models.DateTimeField(null=True)
    token_expires_at = models.DateTimeField(null=True)
    renewing_until = models.DateTimeField(null=True)
    broken = models.CharField(max_length=300, blank=True, default="")

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


class OAuthAttempt(models.Model):
    """Somebody is signing in at a service: what the answer will be checked against. Only digests of
    the state and of the session are kept, and the verifier sealed; it is used once."""

    state_digest = models.CharField(max_length=64, primary_key=True)
    session_digest = models.CharField(max_length=64)
    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="attempts")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    verifier = models.BinaryField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.credential_id} until {self.expires_at:%H:%M}"


class Variable(BaseModel):
    """A value that expressions of the workspace's flows read as ``vars.<name>``, for every environment or
    for one. A secret one is sealed as credentials are, and never shown."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="variables")
    name = models.CharField(max_length=64)
    environment = models.CharField(max_length=20, blank=True, default="")
    description = models.CharField(max_length=300, blank=True, default="")
    is_secret = models.BooleanField(default=False)
    value = models.JSONField(null=True)
    key_id = models.CharField(max_length=16, blank=True, default="")
    wrapped_key = models.BinaryField(default=bytes)
    ciphertext = models.BinaryField(default=bytes)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["key_id"], name="variable_key")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "name", "environment"], name="variable_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.environment or 'all'})"
