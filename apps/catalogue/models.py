"""Plug-ins of a workspace: what was given, what of it is installed, and a number that rises with each change.

The content of a package is a blob of the workspace; ``key`` names it, so it stays for as long as a row
(or a run that pinned it) does.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from apps.catalogue.types import PackageKind
from apps.common.models import BaseModel
from apps.workspaces.models import Workspace
from sage_studio.kernel import JsonObject


class Package(BaseModel):
    """Something that was looked at, and perhaps installed. ``manifest`` is ``Plugin.to_json()``: what it says
    of itself, found out once, in a process that can do no harm. ``installed_at`` is when somebody consented
    to it; without, it is only known."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="plugin_packages")
    key = models.CharField(max_length=71)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in PackageKind])
    file_name = models.CharField(max_length=200)
    size_bytes = models.BigIntegerField()
    plugin_id = models.CharField(max_length=64)
    version = models.CharField(max_length=60)
    manifest = models.JSONField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    installed_at = models.DateTimeField(null=True)
    installed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "key"], name="plugin_package_once"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin_id} {self.version}"

    @property
    def permissions(self) -> JsonObject:
        """What it may reach, as it says and as people consent to."""
        wanted: JsonObject = self.manifest.get("permissions", {})
        return wanted


class InstalledPlugin(BaseModel):
    """A plug-in the workspace has. ``current`` is what new nodes are made of; further installed packages of
    the same plug-in serve flows that name their versions."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="plugins")
    plugin_id = models.CharField(max_length=64)
    current = models.ForeignKey(Package, on_delete=models.RESTRICT, related_name="+")
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["workspace", "plugin_id"], name="plugin_once"),
        ]

    def __str__(self) -> str:
        return self.plugin_id


class CatalogueState(models.Model):
    """``generation`` rises with every change of a workspace's plug-ins: what processes have put together
    for an older one is not used any more. A workspace without a row never had any."""

    workspace = models.OneToOneField(Workspace, on_delete=models.CASCADE, related_name="+", primary_key=True)
    generation = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.workspace_id} at {self.generation}"


class PluginRule(models.Model):
    """What the operator says of a plug-in for the whole instance (``rules``). ``plugin_id`` ``*`` is the rule
    for those without one of their own; ``pinned`` the one version or digest that may be used; ``note`` is
    shown to owners who are refused."""

    plugin_id = models.CharField(
        max_length=64, primary_key=True, validators=[RegexValidator(r"^(\*|[a-z][a-z0-9_]{1,63})$")]
    )
    is_allowed = models.BooleanField(default=True)
    pinned = models.CharField(max_length=71, blank=True, default="")
    note = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.plugin_id}: {self.is_allowed}"
