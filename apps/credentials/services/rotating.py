"""Moving every credential to the current key."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db.models import QuerySet

from apps.common import failpoints
from apps.credentials import sealing
from apps.credentials.models import Credential, Variable
from apps.credentials.services.boxes import place_of
from apps.credentials.services.variables import place_of_variable

logger = structlog.get_logger(__name__)
_ROTATION_BATCH = 200
R = TypeVar("R", Credential, Variable)


def credentials_rotate() -> tuple[int, int]:
    """Wrap every credential and secret variable under the current key; returns (rewrapped, unreadable).

    Works in small transactions and skips what is done, so that it can be stopped and run again.
    """
    variables = Variable.objects.filter(is_secret=True)
    of_credentials = _rotate(Credential.objects.all(), place_of)
    of_variables = _rotate(variables, place_of_variable)
    return of_credentials[0] + of_variables[0], of_credentials[1] + of_variables[1]


def _rotate(rows: QuerySet[R], place: Callable[[R], str]) -> tuple[int, int]:
    done = failed = 0
    last: uuid.UUID | None = None
    while True:
        waiting = rows.exclude(key_id=sealing.current_key_id()).order_by("pk")
        batch = list((waiting.filter(pk__gt=last) if last else waiting)[:_ROTATION_BATCH])
        if not batch:
            return done, failed
        last = batch[-1].pk
        for row in batch:
            held = sealing.Box(row.key_id, bytes(row.wrapped_key), bytes(row.ciphertext))
            try:
                box = sealing.rewrap(held, place(row))
            except sealing.CannotOpen:
                failed += 1
                logger.error("credential_unreadable", kind=type(row).__name__, row_id=str(row.pk))
                continue
            changed = {"key_id": box.key_id, "wrapped_key": box.wrapped_key}
            # Somebody may have changed the secret meanwhile: then it is under the current key already.
            same = rows.filter(pk=row.pk, key_id=row.key_id, wrapped_key=row.wrapped_key)
            done += same.update(**changed)
            failpoints.hit("credentials.rewrapped")
