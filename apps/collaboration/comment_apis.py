"""HTTP: comments of a flow. Open editors hear of every change by a hint and read here."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration import comment_selectors as selectors
from apps.collaboration.models import Comment, CommentThread
from apps.collaboration.services import comments as services
from apps.collaboration.types import BODY_LIMIT, REACTIONS, Anchor
from apps.common.apis import StrictSerializer
from apps.common.errors import Invalid
from apps.common.idempotency import idempotent
from apps.common.paging import page_response, paginate
from apps.common.policies import InWorkspace, Policy
from apps.flows.models import Flow
from apps.flows.selectors import flow_get
from apps.workspaces.apis import WorkspaceApi

_FAR = 1_000_000
WRITE = InWorkspace("comment.write")


class CommentPersonOut(serializers.Serializer[Any]):
    """A person beside what they wrote."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    color = serializers.IntegerField()


class ReactionOut(serializers.Serializer[Any]):
    """A sign and who put it."""

    emoji = serializers.CharField()
    people = serializers.ListField(child=serializers.UUIDField())


class CommentOut(serializers.Serializer[Comment]):
    """A comment. ``<@id>`` in ``body`` stands for the person of ``mentions`` with that id."""

    id = serializers.UUIDField()
    author = CommentPersonOut(allow_null=True)
    body = serializers.CharField()
    mentions = CommentPersonOut(many=True)
    reactions = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    edited_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(ReactionOut(many=True))
    def get_reactions(self, comment: Comment) -> list[dict[str, Any]]:
        people: dict[str, list[str]] = {}
        for reaction in sorted(comment.reactions.all(), key=lambda found: found.created_at):
            people.setdefault(reaction.emoji, []).append(str(reaction.person_id))
        return [{"emoji": emoji, "people": people[emoji]} for emoji in REACTIONS if emoji in people]


class ThreadOut(serializers.Serializer[CommentThread]):
    """A thread. With ``node_id``, ``x`` and ``y`` count from that node's corner; the node may be gone."""

    id = serializers.UUIDField()
    node_id = serializers.CharField(allow_blank=True)
    node_name = serializers.CharField(allow_blank=True)
    x = serializers.FloatField()
    y = serializers.FloatField()
    created_by = CommentPersonOut(allow_null=True)
    created_at = serializers.DateTimeField()
    active_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    resolved_by = CommentPersonOut(allow_null=True)
    comments = CommentOut(many=True)


class ThreadPageOut(serializers.Serializer[Any]):
    """A page of threads, those with the newest comment first."""

    items = ThreadOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ThreadIn(StrictSerializer):
    """A new thread with its first comment."""

    node_id = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    node_name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    x = serializers.FloatField(min_value=-_FAR, max_value=_FAR)
    y = serializers.FloatField(min_value=-_FAR, max_value=_FAR)
    body = serializers.CharField(max_length=BODY_LIMIT)


class ThreadChangeIn(StrictSerializer):
    """Resolve, reopen or move a thread."""

    resolved = serializers.BooleanField(required=False)
    x = serializers.FloatField(min_value=-_FAR, max_value=_FAR, required=False)
    y = serializers.FloatField(min_value=-_FAR, max_value=_FAR, required=False)


class CommentIn(StrictSerializer):
    """The words of a comment."""

    body = serializers.CharField(max_length=BODY_LIMIT)


class ReactionIn(StrictSerializer):
    """A sign, put or taken away."""

    emoji = serializers.ChoiceField(choices=REACTIONS)
    on = serializers.BooleanField()


class CommentApi(WorkspaceApi):
    """The base: finds the flow, and limits how fast one person may write."""

    @property
    def throttle_scope(self) -> str | None:
        return None if self.request.method in ("GET", "HEAD", "OPTIONS") else "comment"

    def flow(self) -> Flow:
        return flow_get(workspace_id=self.workspace.pk, flow_id=self.kwargs["flow_id"])

    def answer(self, flow: Flow, thread_id: uuid.UUID, status: int = 200) -> Response:
        return Response(ThreadOut(selectors.thread_get(flow, thread_id)).data, status=status)


class CommentsApi(CommentApi):
    """All threads of a flow."""

    policies: ClassVar[dict[str, Policy]] = {"GET": InWorkspace("flow.view"), "POST": WRITE}

    @extend_schema(
        responses=ThreadPageOut,
        operation_id="comment_thread_list",
        parameters=[OpenApiParameter("state", str, enum=["open", "resolved", "all"])],
    )
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        states = {"open": False, "resolved": True, "all": None}
        state = request.query_params.get("state", "all")
        if state not in states:
            raise Invalid("state", "choice", "The state is open, resolved or all.")
        rows = selectors.thread_list(self.flow(), is_resolved=states[state])
        return page_response(paginate(request, rows, order="-active_at"), ThreadOut)

    @extend_schema(request=ThreadIn, responses={201: ThreadOut}, operation_id="comment_thread_create")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = self.flow()
        services.comment_require(self.person, flow.workspace_id)
        data = self.read(ThreadIn, request)
        anchor = Anchor(data["x"], data["y"], data["node_id"], data["node_name"])
        thread = services.thread_create(person=self.person, flow=flow, anchor=anchor, body=data["body"])
        return self.answer(flow, thread.pk, 201)


class ThreadApi(CommentApi):
    """One thread."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("flow.view"),
        "PATCH": WRITE,
        "DELETE": WRITE,
    }

    @extend_schema(responses=ThreadOut, operation_id="comment_thread_get")
    def get(
        self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, thread_id: uuid.UUID
    ) -> Response:
        return self.answer(self.flow(), thread_id)

    @extend_schema(request=ThreadChangeIn, responses=ThreadOut, operation_id="comment_thread_update")
    def patch(
        self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, thread_id: uuid.UUID
    ) -> Response:
        flow, data = self.flow(), self.read(ThreadChangeIn, request)
        if ("x" in data) != ("y" in data):
            raise Invalid("x", "pair", "A place has both x and y.")
        if "resolved" in data:
            services.thread_resolve(
                person=self.person, flow=flow, thread_id=thread_id, is_resolved=data["resolved"]
            )
        if "x" in data:
            services.thread_move(person=self.person, flow=flow, thread_id=thread_id, x=data["x"], y=data["y"])
        return self.answer(flow, thread_id)

    @extend_schema(responses={204: None}, operation_id="comment_thread_delete")
    def delete(
        self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, thread_id: uuid.UUID
    ) -> Response:
        services.thread_delete(person=self.person, flow=self.flow(), thread_id=thread_id)
        return Response(status=204)


class RepliesApi(CommentApi):
    """Replies in a thread."""

    policy = WRITE

    @extend_schema(request=CommentIn, responses={201: ThreadOut}, operation_id="comment_create")
    @idempotent
    def post(
        self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, thread_id: uuid.UUID
    ) -> Response:
        flow, body = self.flow(), self.read(CommentIn, request)["body"]
        services.comment_create(person=self.person, flow=flow, thread_id=thread_id, body=body)
        return self.answer(flow, thread_id, 201)


class ReplyApi(CommentApi):
    """One comment: changed by its author, deleted by its author or an owner."""

    policy = WRITE

    @extend_schema(request=CommentIn, responses=ThreadOut, operation_id="comment_update")
    def patch(self, request: Request, **ids: uuid.UUID) -> Response:
        flow, body = self.flow(), self.read(CommentIn, request)["body"]
        thread_id, comment_id = ids["thread_id"], ids["comment_id"]
        services.comment_edit(
            person=self.person, flow=flow, thread_id=thread_id, comment_id=comment_id, body=body
        )
        return self.answer(flow, thread_id)

    @extend_schema(responses={204: None}, operation_id="comment_delete")
    def delete(self, request: Request, **ids: uuid.UUID) -> Response:
        services.comment_delete(
            person=self.person, flow=self.flow(), thread_id=ids["thread_id"], comment_id=ids["comment_id"]
        )
        return Response(status=204)


class ReactionApi(CommentApi):
    """One's own sign under a comment."""

    policy = WRITE

    @extend_schema(request=ReactionIn, responses=ThreadOut, operation_id="comment_react")
    def put(self, request: Request, **ids: uuid.UUID) -> Response:
        flow, data = self.flow(), self.read(ReactionIn, request)
        services.reaction_set(
            person=self.person,
            flow=flow,
            thread_id=ids["thread_id"],
            comment_id=ids["comment_id"],
            emoji=data["emoji"],
            is_on=data["on"],
        )
        return self.answer(flow, ids["thread_id"])
