"""HTTP: what happened to a flow, and what happened since one was there last."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Person
from apps.collaboration import activity_selectors as selectors
from apps.collaboration.comment_apis import CommentPersonOut
from apps.collaboration.documents.watching import LISTED
from apps.collaboration.models import Document, FlowActivity
from apps.collaboration.services import activity_note, document_ensure
from apps.common.errors import Invalid
from apps.common.paging import paginate
from apps.common.policies import InWorkspace, Policy
from apps.flows.selectors import flow_get
from apps.workspaces.apis import WorkspaceApi
from sage_studio.kernel import JsonObject


class ActivityChangeOut(serializers.Serializer[Any]):
    """One change: ``fields`` are the settings or texts touched, ``was`` the former name."""

    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]
    was = serializers.CharField(required=False)


class ActivityOut(serializers.Serializer[Any]):
    """What one person (or the server for them) did in one stretch."""

    id = serializers.CharField()
    kind = serializers.CharField()
    person = CommentPersonOut(allow_null=True)
    origin = serializers.CharField()
    summary = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    first_seq = serializers.IntegerField(allow_null=True)
    last_seq = serializers.IntegerField(allow_null=True)
    changes = ActivityChangeOut(many=True)
    more = serializers.IntegerField()
    facts = serializers.DictField()


class ActivityPageOut(serializers.Serializer[Any]):
    """Activities, newest first. ``seq`` and ``epoch`` are where the document stands; ``complete`` is
    False when what was asked for reaches back beyond what the journal still holds one by one."""

    items = ActivityOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    seq = serializers.IntegerField()
    epoch = serializers.IntegerField()
    complete = serializers.BooleanField()


class ActivityApi(WorkspaceApi):
    """The feed of a flow."""

    policies: ClassVar[dict[str, Policy]] = {"GET": InWorkspace("flow.view")}

    @extend_schema(
        responses=ActivityPageOut,
        operation_id="flow_activity",
        parameters=[
            OpenApiParameter("since_seq", int, description="Only what came after this journal position."),
            OpenApiParameter("epoch", int, description="The lineage that position belongs to."),
        ],
    )
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        document = document_ensure(flow.pk)
        since = _number(request, "since_seq")
        if since is not None:
            return Response(_since(document, since, _number(request, "epoch")))
        activity_note(flow.pk)
        page = paginate(request, selectors.activity_list(flow.pk), order="-ended_at")
        return Response(_answer(document, [_kept(row) for row in page.items], page.next_cursor))


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Invalid(name, "number", "This is a whole number.")
    return int(text)


def _since(document: Document, since: int, epoch: int | None) -> dict[str, Any]:
    """What the journal says beyond a position; from what is kept when it no longer reaches so far."""
    if epoch in (None, document.epoch) and document.quarantined_at is None:
        found = selectors.replay(document, since)
        if found.is_complete:
            items = [_fresh(stretch, found.names) for stretch in reversed(found.stretches)]
            return _answer(document, [item for item in items if item["changes"] or item["kind"] != "edited"])
    activity_note(document.pk)
    rows = selectors.activity_list(document.pk).exclude(kind="compacted")
    if epoch in (None, document.epoch):
        rows = rows.filter(last_seq__gt=since)
    newest = rows.order_by("-ended_at")[:LISTED]
    return _answer(document, [_kept(row) for row in newest], is_complete=False)


def _answer(
    document: Document,
    items: list[dict[str, Any]],
    cursor: str | None = None,
    *,
    is_complete: bool = True,
) -> dict[str, Any]:
    people = selectors.people_of([item["person_id"] for item in items])
    shown = [ActivityOut({**item, "person": _shown(people, item["person_id"])}).data for item in items]
    return {
        "items": shown,
        "next_cursor": cursor,
        "seq": document.head_seq,
        "epoch": document.epoch,
        "complete": is_complete,
    }


def _shown(people: dict[uuid.UUID, Person], person_id: uuid.UUID | None) -> Person | None:
    return people.get(person_id) if person_id else None


def _kept(row: FlowActivity) -> dict[str, Any]:
    names = ("kind", "person_id", "origin", "summary", "started_at", "ended_at", "first_seq", "last_seq")
    return {
        "id": str(row.pk),
        **{name: getattr(row, name) for name in (*names, "changes", "more", "facts")},
    }


def _fresh(stretch: selectors.Stretch, names: dict[str, str]) -> dict[str, Any]:
    changes: list[JsonObject] = selectors.told(stretch, names)
    return {
        "id": f"{stretch.first_seq}-{stretch.last_seq}",
        "kind": stretch.kind,
        "person_id": stretch.person_id,
        "origin": stretch.origin,
        "summary": stretch.summary,
        "started_at": stretch.started_at,
        "ended_at": stretch.ended_at,
        "first_seq": stretch.first_seq,
        "last_seq": stretch.last_seq,
        "changes": changes[:LISTED],
        "more": max(0, len(changes) - LISTED),
        "facts": {},
    }
