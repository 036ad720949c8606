"""``Idempotency-Key``: an unsafe call that is sent twice is done once and answered twice.

A handler opts in with ``@idempotent``. The key's row, the work and the stored answer share one
transaction, so a crash leaves either all of them or none. Keys are kept for a day.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from apps.common.db import write_transaction
from apps.common.errors import IDEMPOTENCY_BUSY, IDEMPOTENCY_KEY, IDEMPOTENCY_MISMATCH
from apps.common.models import IdempotentAnswer
from sage_studio.kernel import SageError

KEPT_FOR = timedelta(days=1)
MAX_LENGTH = 200
Handler = TypeVar("Handler", bound=Callable[..., Response])


def idempotent(handler: Handler) -> Handler:
    """Let clients repeat this POST safely. Without the header nothing changes."""

    @functools.wraps(handler)
    def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not (0 < len(key) <= MAX_LENGTH and key.isprintable()):
            raise SageError(IDEMPOTENCY_KEY, {"limit": MAX_LENGTH})
        identity = {
            "person_id": request.user.pk,
            "route": f"{request.method} {request.path}"[:300],
            "key": key,
        }
        body = json.dumps(request.data, sort_keys=True, cls=JSONEncoder)
        digest = hashlib.sha256(body.encode()).hexdigest()
        return _once(identity, digest, lambda: handler(view, request, *args, **kwargs))

    return wrapper  # type: ignore[return-value] # functools.wraps keeps the signature, mypy cannot see it


def _once(identity: dict[str, Any], digest: str, work: Callable[[], Response]) -> Response:
    IdempotentAnswer.objects.filter(**identity, created_at__lt=timezone.now() - KEPT_FOR).delete()
    if found := IdempotentAnswer.objects.filter(**identity).first():
        return _replay(found, digest)
    try:
        with write_transaction():
            row = IdempotentAnswer.objects.create(**identity, body_digest=digest)
            response = work()
            row.status = response.status_code
            row.body = json.loads(json.dumps(response.data, cls=JSONEncoder))
            row.save(update_fields=["status", "body"])
            return response
    except IntegrityError:
        found = IdempotentAnswer.objects.filter(**identity).first()
        if found is None:
            raise
        return _replay(found, digest)


def _replay(found: IdempotentAnswer, digest: str) -> Response:
    if found.body_digest != digest:
        raise SageError(IDEMPOTENCY_MISMATCH)
    if found.status is None:
        raise SageError(IDEMPOTENCY_BUSY)
    return Response(found.body, status=found.status, headers={"Idempotency-Replayed": "true"})
