"""Reading comments, always of one flow."""

from __future__ import annotations

import uuid

from django.db.models import Prefetch, QuerySet

from apps.collaboration.models import Comment, CommentThread
from apps.common.errors import NotFound
from apps.flows.models import Flow


def thread_list(flow: Flow, *, is_resolved: bool | None = None) -> QuerySet[CommentThread]:
    """A flow's threads with all that showing them needs; None means open and resolved ones."""
    comments = Comment.objects.select_related("author").prefetch_related("mentions", "reactions")
    threads = CommentThread.objects.filter(flow=flow).select_related("created_by", "resolved_by")
    if is_resolved is not None:
        threads = threads.filter(resolved_at__isnull=not is_resolved)
    return threads.prefetch_related(Prefetch("comments", comments.order_by("created_at", "id")))


def thread_get(flow: Flow, thread_id: uuid.UUID) -> CommentThread:
    """One thread. Raises NotFound."""
    found = thread_list(flow).filter(pk=thread_id).first()
    if found is None:
        raise NotFound
    return found
