"""Outputs of nodes without effects, kept per workspace and found by the hash of all they follow from.

An entry is used for as long as it is found; what nobody has asked for longest goes first when a
workspace holds more than its share.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Sum
from django.utils import timezone

from apps.common.db import write_transaction
from apps.executions.models import CachedNode

DEFAULT_MAX_BYTES = 256 << 20
DEFAULT_MAX_AGE = timedelta(days=30)
# Counting all of a workspace's entries at every write would cost more than a cache saves.
_PRUNE_EVERY = 64
_TOUCH_AFTER = timedelta(hours=1)


def cached_node_get(workspace_id: uuid.UUID, key: str) -> dict[str, Any] | None:
    """The stored outputs (big values as references), or None."""
    found = CachedNode.objects.filter(workspace_id=workspace_id, key=key).first()
    now = timezone.now()
    if found is None or now - found.used_at > DEFAULT_MAX_AGE:
        return None
    if now - found.used_at > _TOUCH_AFTER:
        CachedNode.objects.filter(pk=found.pk).update(used_at=now)
    return dict(found.outputs)


def cached_node_put(workspace_id: uuid.UUID, key: str, outputs: dict[str, Any], size_bytes: int) -> None:
    """Keep ``outputs``; an entry bigger than a sixteenth of the share is not kept."""
    limit = _max_bytes()
    if size_bytes > limit // 16:
        return
    with write_transaction():
        entry, is_new = CachedNode.objects.get_or_create(
            workspace_id=workspace_id, key=key, defaults={"outputs": outputs, "size_bytes": size_bytes}
        )
        if is_new and entry.pk % _PRUNE_EVERY == 0:
            _prune(workspace_id, limit)


def _prune(workspace_id: uuid.UUID, limit: int) -> None:
    mine = CachedNode.objects.filter(workspace_id=workspace_id)
    mine.filter(used_at__lt=timezone.now() - DEFAULT_MAX_AGE).delete()
    held = mine.aggregate(held=Sum(F("size_bytes")))["held"] or 0
    for entry_id, size_bytes in mine.order_by("used_at").values_list("pk", "size_bytes"):
        if held <= limit:
            return
        mine.filter(pk=entry_id).delete()
        held -= size_bytes


def _max_bytes() -> int:
    return int(getattr(settings, "NODE_CACHE_MAX_BYTES", DEFAULT_MAX_BYTES))
