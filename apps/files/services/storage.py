"""How much a workspace may keep, and for how long."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models.functions import Cast

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.files.errors import FILE_QUOTA
from apps.files.models import File, Retention, used_bytes
from apps.files.types import FILE_REF, Kind
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError

# Apps whose rows say what flows are: a file that one of them names is kept.
_NAMING_APPS = ("flows", "versions", "triggers")
_REF = re.compile(rf"{FILE_REF}([0-9a-f-]{{36}})")
_NAMING_FIELDS = (models.JSONField, models.TextField)


def require_room(workspace_id: uuid.UUID, size_bytes: int) -> None:
    """Raises SageError ``file.quota`` when so much more does not fit into a workspace. Two uploads at once
    may both find room for the last of it: the quota keeps disks from filling up, it is no price."""
    quota = int(settings.WORKSPACE_QUOTA_BYTES)
    if quota and used_bytes(workspace_id) + size_bytes > quota:
        raise SageError(FILE_QUOTA, {"quota_mb": quota >> 20})


def retention_set(
    person: Person,
    workspace: Workspace,
    *,
    uploads_days: int | None = None,
    artifacts_days: int | None = None,
) -> Retention:
    """How many days files are kept (0: always); what is not given stays as it is."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.WORKSPACE_MANAGE)
        row, _made = Retention.objects.get_or_create(workspace=workspace)
        before = _facts(row)
        row.uploads_days = row.uploads_days if uploads_days is None else uploads_days
        row.artifacts_days = row.artifacts_days if artifacts_days is None else artifacts_days
        row.save()
        target = ("workspace", workspace.pk)
        record(person, "file.retention_changed", workspace.pk, target, before=before, after=_facts(row))
    return row


def _facts(row: Retention) -> JsonObject:
    return {"uploads_days": row.uploads_days, "artifacts_days": row.artifacts_days}


def files_expired(now: datetime) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Workspace and id of the files whose time is over. What a flow, a version or a trigger names is kept."""
    rows = {row.workspace_id: row for row in Retention.objects.all()}
    expired: list[tuple[uuid.UUID, uuid.UUID]] = []
    for workspace_id in Workspace.objects.values_list("pk", flat=True):
        row = rows.get(workspace_id) or Retention(workspace_id=workspace_id)
        for kind, days in ((Kind.ARTIFACT, row.artifacts_days), (Kind.UPLOAD, row.uploads_days)):
            if days:
                found = File.objects.filter(
                    workspace_id=workspace_id, kind=kind, created_at__lt=now - timedelta(days=days)
                )
                expired += ((workspace_id, pk) for pk in found.values_list("pk", flat=True))
    named = _named_files() if expired else set()
    return [(workspace_id, pk) for workspace_id, pk in expired if str(pk) not in named]


def _named_files() -> set[str]:
    """The ids of all files that rows of flows, versions and triggers name."""
    named: set[str] = set()
    for config in apps.get_app_configs():
        for model in config.get_models() if config.label in _NAMING_APPS else ():
            for field in model._meta.concrete_fields:
                if isinstance(field, _NAMING_FIELDS):
                    rows = model._base_manager.annotate(_text=Cast(field.name, models.TextField()))
                    texts = rows.filter(_text__contains=FILE_REF).values_list("_text", flat=True)
                    named.update(match for text in texts.iterator() for match in _REF.findall(text))
    return named
