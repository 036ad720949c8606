"""The audit trail: plain ids, no foreign keys, rows that are only ever added."""

from __future__ import annotations

import uuid

from django.db import models


class AuditChain(models.Model):
    """The head of one chain; locked while an entry is added. ``scope`` is a workspace id or ``instance``."""

    scope = models.CharField(max_length=36, primary_key=True)
    seq = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"{self.scope} at {self.seq}"


class AuditEntry(models.Model):
    """Who did what to what, when and from where; ``digest`` covers the entry and its predecessor."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.CharField(max_length=36)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    actor_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=100)
    workspace_id = models.UUIDField(null=True)
    target_type = models.CharField(max_length=50, blank=True)
    target_id = models.CharField(max_length=100, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    origin = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "seq"], name="audit_entry_scope_seq")]
        indexes = [models.Index(fields=["workspace_id", "-at"], name="audit_entry_workspace_at")]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.scope} {self.seq} {self.action}"
