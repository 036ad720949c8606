"""Workspaces and who belongs to them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from apps.common.models import BaseModel
from apps.workspaces.types import Role

KEEP_RUNS_DAYS = 90
ROLE_CHOICES = [(role.value, role.value) for role in Role]


class Workspace(BaseModel):
    """The home of flows, files and credentials; everything a team owns hangs on one. Runs that ended more
    than ``keep_runs_days`` ago are removed (0: never)."""

    class Kind(models.TextChoices):
        PERSONAL = "personal"
        TEAM = "team"

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.TEAM)
    viewers_may_comment = models.BooleanField(default=True, db_default=True)
    viewers_see_values = models.BooleanField(default=True, db_default=True)
    keep_runs_days = models.PositiveSmallIntegerField(default=KEEP_RUNS_DAYS, db_default=KEEP_RUNS_DAYS)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="workspaces"
    )

    def __str__(self) -> str:
        return self.name


class Membership(BaseModel):
    """A person's role in a workspace."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=ROLE_CHOICES)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "person"], name="membership_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.role}"


class Invitation(BaseModel):
    """A link that makes people members until it expires. The link's token is derived from the id
    and the secret key, so the table holds nothing that lets anyone in."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=ROLE_CHOICES)
    email = models.EmailField(blank=True, help_text="When set, only this address may accept.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    accepted_count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.role} until {self.expires_at:%Y-%m-%d}"
