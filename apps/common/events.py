"""Domain events: how a lower app tells higher ones, without importing them.

``emit`` writes one outbox row per registered handler in the caller's transaction; workers deliver
them at least once (``apps.common.outbox``). Handlers are therefore idempotent.
"""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from apps.common.db import after_commit
from apps.common.models import OutboxEvent
from sage_studio.kernel import JsonObject

Handler = Callable[[JsonObject], object]

_handlers: dict[str, dict[str, Handler]] = {}
_wake: list[Callable[[], object]] = []


def on(topic: str, name: str, handler: Handler) -> None:
    """Register ``handler`` under a stable ``name`` (it is stored in rows). Called in AppConfig.ready."""
    _handlers.setdefault(topic, {})[name] = handler


def handler_for(topic: str, name: str) -> Handler:
    """The handler a stored row names. Raises LookupError when this release no longer has it."""
    return _handlers[topic][name]


def is_heard(topic: str) -> bool:
    """Whether anybody has to be told of ``topic``."""
    return topic in _handlers


def on_wake(call: Callable[[], object]) -> None:
    """Register what hints the deliverers after a commit (the Celery task)."""
    if call not in _wake:
        _wake.append(call)


def emit(topic: str, payload: JsonObject) -> None:
    """Say that ``topic`` happened. Must run inside the transaction that made it true."""
    names = _handlers.get(topic, {})
    if not names:
        return
    now = timezone.now()
    OutboxEvent.objects.bulk_create(
        OutboxEvent(topic=topic, handler=name, payload=payload, due_at=now) for name in names
    )
    for call in _wake:
        after_commit(call)
