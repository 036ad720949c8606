"""Comments: threads on nodes and places, replies, reactions, and telling whom they concern.

Open editors hear a hint after the commit and read the rows; people who are mentioned, and those who
wrote in the thread before, get a notification in the same transaction.
"""

from __future__ import annotations

import re
import uuid

from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.collaboration import errors
from apps.collaboration.models import Comment, CommentReaction, CommentThread
from apps.collaboration.rooms import hints
from apps.collaboration.types import MENTION_LIMIT, Anchor
from apps.common.bus import publish_on_commit
from apps.common.db import write_transaction
from apps.common.errors import Forbidden, NotFound
from apps.flows.models import Flow
from apps.notifications.services import notify
from apps.workspaces.models import Workspace
from apps.workspaces.policies import may, require
from apps.workspaces.types import Action, Role
from sage_studio.kernel import JsonObject, SageError, Text

THREADS_PER_FLOW = 2_000
COMMENTS_PER_THREAD = 200
TOPIC = "comments"
_MENTION = re.compile(r"<@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>")
_EXCERPT = 160


def comment_require(person: Person, workspace_id: uuid.UUID) -> Role:
    """The person's role, if they may comment. Raises NotFound for strangers, SageError for viewers
    where the owner has turned their comments off."""
    role = require(person, workspace_id, Action.COMMENT_WRITE)
    if role is Role.VIEWER:
        allowed = Workspace.objects.filter(pk=workspace_id).values_list("viewers_may_comment", flat=True)
        if not allowed.first():
            raise SageError(errors.COMMENTS_OFF)
    return role


def thread_create(*, person: Person, flow: Flow, anchor: Anchor, body: str) -> CommentThread:
    """Begin a conversation. Raises Forbidden, NotFound or SageError."""
    with write_transaction():
        comment_require(person, flow.workspace_id)
        if CommentThread.objects.filter(flow=flow).count() >= THREADS_PER_FLOW:
            raise SageError(errors.TOO_MANY_THREADS, {"limit": THREADS_PER_FLOW})
        thread = CommentThread.objects.create(
            flow=flow,
            node_id=anchor.node_id,
            node_name=anchor.node_name,
            x=anchor.x,
            y=anchor.y,
            created_by=person,
        )
        _do_write(person, flow, thread, body)
    return thread


def comment_create(*, person: Person, flow: Flow, thread_id: uuid.UUID, body: str) -> CommentThread:
    """Reply in a thread. Raises Forbidden, NotFound or SageError."""
    with write_transaction():
        comment_require(person, flow.workspace_id)
        thread = _locked(flow, thread_id)
        if thread.comments.count() >= COMMENTS_PER_THREAD:
            raise SageError(errors.THREAD_FULL, {"limit": COMMENTS_PER_THREAD})
        _do_write(person, flow, thread, body)
    return thread


def comment_edit(
    *, person: Person, flow: Flow, thread_id: uuid.UUID, comment_id: uuid.UUID, body: str
) -> None:
    """Change the words of one's own comment; people newly mentioned are told. Raises Forbidden, NotFound."""
    with write_transaction():
        comment_require(person, flow.workspace_id)
        comment = _comment(_locked(flow, thread_id), comment_id)
        if comment.author_id != person.pk:
            raise Forbidden
        earlier = list(comment.mentions.all())
        comment.body = _clean(body)
        comment.edited_at = timezone.now()
        comment.save(update_fields=["body", "edited_at", "updated_at"])
        mentioned = _mentioned(flow, comment.body)
        # Somebody who has left meanwhile keeps the name the text calls them by.
        comment.mentions.set(mentioned + [old for old in earlier if f"<@{old.pk}>" in comment.body])
        _tell_mentioned(person, flow, comment, _ids(mentioned) - _ids(earlier))
        _hint(flow)


def comment_delete(*, person: Person, flow: Flow, thread_id: uuid.UUID, comment_id: uuid.UUID) -> None:
    """Delete one's own comment, or as owner anybody's; a thread ends with its last comment.

    Raises Forbidden or NotFound.
    """
    with write_transaction():
        role = comment_require(person, flow.workspace_id)
        thread = _locked(flow, thread_id)
        comment = _comment(thread, comment_id)
        if comment.author_id != person.pk:
            if role is not Role.OWNER:
                raise Forbidden
            target = ("comment", comment.pk)
            before: JsonObject = {"author": str(comment.author_id), "flow": str(flow.pk)}
            record(person, "comment.deleted", flow.workspace_id, target, before=before)
        comment.delete()
        if not thread.comments.exists():
            thread.delete()
        _hint(flow)


def thread_delete(*, person: Person, flow: Flow, thread_id: uuid.UUID) -> None:
    """Delete a whole thread: as owner, or one's own that nobody has answered. Raises Forbidden, NotFound."""
    with write_transaction():
        role = comment_require(person, flow.workspace_id)
        thread = _locked(flow, thread_id)
        alone = not thread.comments.exclude(author=person).exists()
        if role is not Role.OWNER and not (thread.created_by_id == person.pk and alone):
            raise Forbidden
        if not alone:
            target = ("comment_thread", thread.pk)
            before: JsonObject = {"flow": str(flow.pk), "comments": thread.comments.count()}
            record(person, "comment_thread.deleted", flow.workspace_id, target, before=before)
        thread.delete()
        _hint(flow)


def thread_resolve(*, person: Person, flow: Flow, thread_id: uuid.UUID, is_resolved: bool) -> CommentThread:
    """Close or reopen a thread: editors, and whoever began it. Raises Forbidden, NotFound."""
    with write_transaction():
        role = comment_require(person, flow.workspace_id)
        thread = _locked(flow, thread_id)
        if not may(role, Action.FLOW_EDIT) and thread.created_by_id != person.pk:
            raise Forbidden
        if (thread.resolved_at is not None) != is_resolved:
            thread.resolved_at = timezone.now() if is_resolved else None
            thread.resolved_by = person if is_resolved else None
            thread.save(update_fields=["resolved_at", "resolved_by", "updated_at"])
            _hint(flow)
    return thread


def thread_move(*, person: Person, flow: Flow, thread_id: uuid.UUID, x: float, y: float) -> CommentThread:
    """Put a thread's pin elsewhere: its author, and whoever may edit the flow. Raises Forbidden, NotFound."""
    with write_transaction():
        role = comment_require(person, flow.workspace_id)
        thread = _locked(flow, thread_id)
        if not may(role, Action.FLOW_EDIT) and thread.created_by_id != person.pk:
            raise Forbidden
        thread.x, thread.y = x, y
        thread.save(update_fields=["x", "y", "updated_at"])
        _hint(flow)
    return thread


def reaction_set(
    *, person: Person, flow: Flow, thread_id: uuid.UUID, comment_id: uuid.UUID, emoji: str, is_on: bool
) -> None:
    """Put one's sign under a comment or take it away; twice is once. Raises NotFound."""
    with write_transaction():
        comment_require(person, flow.workspace_id)
        comment = _comment(_locked(flow, thread_id), comment_id)
        if is_on:
            CommentReaction.objects.get_or_create(comment=comment, person=person, emoji=emoji)
        else:
            comment.reactions.filter(person=person, emoji=emoji).delete()
        _hint(flow)


def _locked(flow: Flow, thread_id: uuid.UUID) -> CommentThread:
    """The thread, held until the end of the transaction. Raises NotFound."""
    thread = CommentThread.objects.select_for_update().filter(flow=flow, pk=thread_id).first()
    if thread is None:
        raise NotFound
    return thread


def _comment(thread: CommentThread, comment_id: uuid.UUID) -> Comment:
    comment = thread.comments.filter(pk=comment_id).first()
    if comment is None:
        raise NotFound
    return comment


def _clean(body: str) -> str:
    """The text without blank edges; a comment in which nobody sees anything is none. Raises SageError."""
    text = body.replace("\r\n", "\n").strip()
    if not any(sign.isprintable() and not sign.isspace() for sign in text):
        raise SageError(errors.COMMENT_EMPTY, path="body")
    return text


def _do_write(person: Person, flow: Flow, thread: CommentThread, body: str) -> None:
    """Add a comment; the caller has checked the right and holds the thread."""
    earlier = set(thread.comments.exclude(author=None).values_list("author_id", flat=True))
    comment = Comment.objects.create(thread=thread, author=person, body=_clean(body))
    mentioned = _mentioned(flow, comment.body)
    comment.mentions.set(mentioned)
    thread.active_at = comment.created_at
    thread.save(update_fields=["active_at", "updated_at"])
    _tell_mentioned(person, flow, comment, _ids(mentioned))
    _tell_others(person, flow, comment, earlier - _ids(mentioned))
    _hint(flow)


def _mentioned(flow: Flow, body: str) -> list[Person]:
    """Members of the flow's workspace whom the text names; others stay plain text."""
    named = {uuid.UUID(found) for found in _MENTION.findall(body)}
    members = Person.objects.filter(pk__in=named, memberships__workspace_id=flow.workspace_id)
    return list(members[:MENTION_LIMIT])


def _ids(people: list[Person]) -> set[uuid.UUID]:
    return {person.pk for person in people}


def _tell_mentioned(author: Person, flow: Flow, comment: Comment, people: set[uuid.UUID]) -> None:
    title = Text(
        en=f"{author.name} mentioned you in “{flow.name}”",
        zh=f"{author.name} 在“{flow.name}”中提到了你",
    )
    _notify(author, flow, comment, people, kind="comment.mention", title=title)


def _tell_others(author: Person, flow: Flow, comment: Comment, people: set[uuid.UUID]) -> None:
    title = Text(en=f"{author.name} replied in “{flow.name}”", zh=f"{author.name} 在“{flow.name}”中回复了")
    _notify(author, flow, comment, people, kind="comment.reply", title=title)


def _notify(
    author: Person, flow: Flow, comment: Comment, people: set[uuid.UUID], *, kind: str, title: Text
) -> None:
    if not (wanted := people - {author.pk}):
        return
    excerpt = _readable(comment)
    notify(
        wanted,
        kind=kind,
        title=title,
        body=Text(en=excerpt, zh=excerpt),
        link=f"/w/{flow.workspace_id}/flows/{flow.pk}?thread={comment.thread_id}",
        workspace_id=flow.workspace_id,
        dedupe_key=f"{kind}:{comment.pk}",
    )


def _readable(comment: Comment) -> str:
    """The beginning of the text with names in place of ids."""
    people: QuerySet[Person] = comment.mentions.all()
    names = {str(person.pk): person.name for person in people}
    text = _MENTION.sub(lambda found: f"@{names.get(found[1], '…')}", comment.body)
    return text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…"


def _hint(flow: Flow) -> None:
    publish_on_commit(hints.channel(flow.pk), hints.encode(hints.NOBODY, hints.NewsHint(TOPIC)))
