"""Moving every credential to the current key."""

from __future__ import annotations

import uuid

import structlog

from apps.credentials import sealing
from apps.credentials.models import Credential
from apps.credentials.services.boxes import box_of, place_of

logger = structlog.get_logger(__name__)
_ROTATION_BATCH = 200


def credentials_rotate() -> tuple[int, int]:
    """Wrap every credential under the current key; returns (rewrapped, unreadable).

    Works in small transactions and skips what is done, so that it can be stopped and run again.
    """
    done = failed = 0
    last: uuid.UUID | None = None
    while True:
        waiting = Credential.objects.exclude(key_id=sealing.current_key_id()).order_by("pk")
        batch = list((waiting.filter(pk__gt=last) if last else waiting)[:_ROTATION_BATCH])
        if not batch:
            return done, failed
        last = batch[-1].pk
        for credential in batch:
            try:
                box = sealing.rewrap(box_of(credential), place_of(credential))
            except sealing.CannotOpen:
                failed += 1
                logger.error("credential_unreadable", credential_id=str(credential.pk))
                continue
            changed = {"key_id": box.key_id, "wrapped_key": box.wrapped_key}
            done += Credential.objects.filter(pk=credential.pk, key_id=credential.key_id).update(**changed)
