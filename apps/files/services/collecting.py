"""Removing values nobody names any more: marking all that are named, then sweeping the rest.

A key is a text ``sha256:…``. It may stand in any row of any app (a run's outputs, a checkpoint, a definition
with pinned outputs, a cache) and in the content of another value, so every text and JSON column is looked
through, and a key in one workspace keeps equal content in all of them: what is kept too long is waste, what
goes too soon is a fault. A value that was just put is not named yet: only those that nobody has put for
``GRACE`` are looked at, and one that is put again while they are swept stays (``touched_at`` is asked once
more under the workspace's lock).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from django.apps import apps
from django.db import models
from django.db.models.functions import Cast
from django.utils import timezone

from apps.common import failpoints
from apps.common.db import after_commit, write_transaction
from apps.files.models import Blob
from apps.files.services.content import lock, remove_content
from apps.files.store import store
from apps.files.types import KEY_PREFIX
from apps.workspaces.models import Workspace

GRACE = timedelta(days=1)
AT_ONCE = 100
_KEY = re.compile(rb"sha256:([0-9a-f]{64})")
_SEARCHED = (models.JSONField, models.TextField, models.CharField)
_SHORTEST = len(KEY_PREFIX) + 64


def blobs_collect(*, now: datetime | None = None) -> int:
    """Remove values nobody names, and content without a row; how many values went."""
    before = (now or timezone.now()) - GRACE
    unnamed = Blob.objects.filter(is_value=True, files__isnull=True, touched_at__lt=before)
    if unnamed.exists():
        named = _named()
        gone = sum(_sweep(place, digests, before) for place, digests in _batches(unnamed, named))
    else:
        gone = 0
    _remove_strays(before)
    return gone


def _remove_strays(before: datetime) -> None:
    """Content whose row went while the process did. A workspace that is gone takes its folder along."""
    known = set(Workspace.objects.values_list("pk", flat=True))
    for workspace_id, digest in store().strays(before.timestamp()):
        if workspace_id not in known:
            continue
        if not Blob.objects.filter(workspace_id=workspace_id, sha256=digest).exists():
            with suppress(Workspace.DoesNotExist):
                remove_content(workspace_id, digest)


def _named() -> set[bytes]:
    """The digests of all that is named, directly or by what is."""
    named: set[bytes] = set()
    for text in _texts():
        named.update(_KEY.findall(text))
    fresh = set(named)
    while fresh:
        inner = {digest for text in _contents(fresh) for digest in _KEY.findall(text)}
        fresh = inner - named
        named |= fresh
    return named


def _texts() -> Iterator[bytes]:
    """Every text in the database that holds a key."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if not isinstance(field, _SEARCHED) or model._meta.proxy or not model._meta.managed:
                continue
            if isinstance(field, models.CharField) and (field.max_length or _SHORTEST) < _SHORTEST:
                continue
            found = model._base_manager.annotate(_text=Cast(field.name, models.TextField()))
            for text in found.filter(_text__contains=KEY_PREFIX).values_list("_text", flat=True).iterator():
                yield text.encode()


def _contents(digests: set[bytes]) -> Iterator[bytes]:
    """The content of those that may name others."""
    names = sorted(digest.decode() for digest in digests)
    for at in range(0, len(names), AT_ONCE):
        found = Blob.objects.filter(sha256__in=names[at : at + AT_ONCE], names_others=True)
        for workspace_id, digest in found.values_list("workspace_id", "sha256"):
            try:
                yield store().read(workspace_id, digest)
            except FileNotFoundError:
                continue


def _batches(unnamed: models.QuerySet[Blob], named: set[bytes]) -> Iterator[tuple[uuid.UUID, list[str]]]:
    """What is to go, by workspace and a few at a time."""
    by_workspace: dict[uuid.UUID, list[str]] = {}
    for workspace_id, digest in unnamed.values_list("workspace_id", "sha256").iterator():
        if digest.encode() not in named:
            by_workspace.setdefault(workspace_id, []).append(digest)
    for workspace_id, digests in by_workspace.items():
        for at in range(0, len(digests), AT_ONCE):
            yield workspace_id, digests[at : at + AT_ONCE]


def _sweep(workspace_id: uuid.UUID, digests: list[str], before: datetime) -> int:
    with write_transaction():
        lock(workspace_id)
        still = Blob.objects.filter(
            workspace_id=workspace_id,
            sha256__in=digests,
            is_value=True,
            files__isnull=True,
            touched_at__lt=before,
        )
        going = list(still.values_list("pk", "sha256"))
        Blob.objects.filter(pk__in=[pk for pk, _ in going]).delete()
        failpoints.hit("tidy.blobs")
        for _, digest in going:
            after_commit(partial(remove_content, workspace_id, digest))
    return len(going)
