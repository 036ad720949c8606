"""The base of all views inside a workspace, and the routes of workspaces, members and invitations."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.apis import PersonApi
from apps.accounts.errors import INVITATION_INVALID
from apps.accounts.models import ApiToken
from apps.accounts.types import EMAIL_LENGTH
from apps.common.apis import Api, StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.paging import page_response, paginate
from apps.common.policies import PUBLIC, SIGNED_IN, SIGNED_IN_BROWSER, InWorkspace, Policy
from apps.workspaces import policies, selectors, services
from apps.workspaces.errors import VALUES_HIDDEN
from apps.workspaces.invitations import url_for
from apps.workspaces.models import Invitation, Membership, Workspace
from apps.workspaces.types import Role
from sage_studio.kernel import SageError

ROLES = [role.value for role in Role]


class WorkspaceApi(PersonApi):
    """A view under ``workspaces/<workspace_id>/``: before the handler runs, the person's role is
    checked against the policy's action and ``self.role`` is set."""

    role: Role

    @cached_property
    def sees_values(self) -> bool:
        """Whether the person sees what runs take and give."""
        return policies.sees_values(self.role, self.kwargs["workspace_id"])

    def require_values(self) -> None:
        """Raises SageError where the owner hides what runs take and give from the person."""
        if not self.sees_values:
            raise SageError(VALUES_HIDDEN)

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace in the address; whoever has a role in it knows that it exists."""
        return Workspace.objects.get(pk=self.kwargs["workspace_id"])

    def check_policy(self, request: Request, policy: Policy | None) -> None:
        if not isinstance(policy, InWorkspace):
            super().check_policy(request, policy)
            return
        self._require_person(request)
        workspace_id = self.kwargs["workspace_id"]
        self.role = policies.require(self.person, workspace_id, policy.action)
        if isinstance(request.auth, ApiToken):
            policies.require_token(request.auth, policy.action)


class WorkspaceIn(StrictSerializer):
    """A workspace's name."""

    name = serializers.CharField(max_length=80)


class WorkspaceChangeIn(StrictSerializer):
    """A new name, what viewers may do beside looking, and how many days ended runs are kept (0: always)."""

    name = serializers.CharField(max_length=80, required=False)
    viewers_may_comment = serializers.BooleanField(required=False)
    viewers_see_values = serializers.BooleanField(required=False)
    keep_runs_days = serializers.IntegerField(required=False, min_value=0, max_value=3650)


class WorkspaceOut(serializers.Serializer[Workspace]):
    """A workspace as one of its members sees it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Workspace.Kind.choices)
    role = serializers.ChoiceField(choices=ROLES)
    member_count = serializers.IntegerField()
    viewers_may_comment = serializers.BooleanField()
    viewers_see_values = serializers.BooleanField()
    keep_runs_days = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class WorkspacePageOut(serializers.Serializer[Any]):
    """A page of workspaces."""

    items = WorkspaceOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class WorkspacesApi(PersonApi):
    """One's workspaces."""

    policies = {"GET": SIGNED_IN, "POST": SIGNED_IN_BROWSER}

    @extend_schema(responses=WorkspacePageOut, operation_id="workspace_list")
    def get(self, request: Request) -> Response:
        page = paginate(request, selectors.workspace_list_for(self.person), order="created_at")
        return page_response(page, WorkspaceOut)

    @extend_schema(request=WorkspaceIn, responses={201: WorkspaceOut}, operation_id="workspace_create")
    @idempotent
    def post(self, request: Request) -> Response:
        created = services.workspace_create(self.person, name=self.read(WorkspaceIn, request)["name"])
        return Response(WorkspaceOut(selectors.workspace_get_for(self.person, created.pk)).data, status=201)


class WorkspaceDetailApi(WorkspaceApi):
    """One workspace."""

    policies = {
        "GET": InWorkspace("workspace.view"),
        "PATCH": InWorkspace("workspace.manage"),
        "DELETE": InWorkspace("workspace.manage"),
    }

    def _answer(self) -> Response:
        return Response(WorkspaceOut(selectors.workspace_get_for(self.person, self.workspace.pk)).data)

    @extend_schema(responses=WorkspaceOut, operation_id="workspace_get")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        return self._answer()

    @extend_schema(request=WorkspaceChangeIn, responses=WorkspaceOut, operation_id="workspace_update")
    def patch(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(WorkspaceChangeIn, request)
        if "name" in data:
            services.workspace_rename(self.person, self.workspace, name=data["name"])
        if "viewers_may_comment" in data:
            services.viewers_may_comment_set(
                self.person, self.workspace, is_allowed=data["viewers_may_comment"]
            )
        if "viewers_see_values" in data:
            services.viewers_see_values_set(
                self.person, self.workspace, is_allowed=data["viewers_see_values"]
            )
        if "keep_runs_days" in data:
            services.keep_runs_days_set(self.person, self.workspace, days=data["keep_runs_days"])
        return self._answer()

    @extend_schema(responses={204: None}, operation_id="workspace_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID) -> Response:
        services.workspace_delete(self.person, self.workspace)
        return Response(status=204)


class MemberPersonOut(serializers.Serializer[Any]):
    """A person as fellow members see them."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()
    color = serializers.IntegerField()


class MemberOut(serializers.Serializer[Membership]):
    """A member."""

    person = MemberPersonOut()
    role = serializers.ChoiceField(choices=ROLES)
    joined_at = serializers.DateTimeField(source="created_at")


class MemberPageOut(serializers.Serializer[Any]):
    """A page of members."""

    items = MemberOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class MembersApi(WorkspaceApi):
    """Who belongs to the workspace."""

    policy = InWorkspace("member.view")

    @extend_schema(responses=MemberPageOut, operation_id="member_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        page = paginate(request, selectors.member_list(self.workspace), order="created_at")
        return page_response(page, MemberOut)


class MemberIn(StrictSerializer):
    """A member's new role."""

    role = serializers.ChoiceField(choices=ROLES)


class MemberDetailApi(WorkspaceApi):
    """One member."""

    policy = InWorkspace("member.manage")

    @extend_schema(request=MemberIn, responses=MemberOut, operation_id="member_update")
    def patch(self, request: Request, workspace_id: uuid.UUID, person_id: uuid.UUID) -> Response:
        role = Role(self.read(MemberIn, request)["role"])
        return Response(
            MemberOut(services.member_role_set(self.person, self.workspace, person_id, role)).data
        )

    @extend_schema(responses={204: None}, operation_id="member_remove")
    def delete(self, request: Request, workspace_id: uuid.UUID, person_id: uuid.UUID) -> Response:
        services.member_remove(self.person, self.workspace, person_id)
        return Response(status=204)


class MemberLeaveApi(WorkspaceApi):
    """Leaving a workspace oneself."""

    policy = InWorkspace("workspace.view")

    @extend_schema(request=None, responses={204: None}, operation_id="member_leave")
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        services.member_remove(self.person, self.workspace, self.person.pk)
        return Response(status=204)


class InvitationIn(StrictSerializer):
    """An invitation to be made."""

    role = serializers.ChoiceField(choices=ROLES)
    expires_in_days = serializers.IntegerField(min_value=1, max_value=90, default=7)
    email = serializers.EmailField(max_length=EMAIL_LENGTH, required=False, allow_blank=True, default="")


class InvitationOut(serializers.Serializer[Invitation]):
    """An invitation as the workspace's owners see it."""

    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=ROLES)
    email = serializers.CharField()
    url = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    accepted_count = serializers.IntegerField()

    def get_url(self, invitation: Invitation) -> str:
        return url_for(invitation.pk)


class InvitationPageOut(serializers.Serializer[Any]):
    """A page of invitations."""

    items = InvitationOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class InvitationsApi(WorkspaceApi):
    """Links that let people in."""

    policy = InWorkspace("member.manage")

    @extend_schema(responses=InvitationPageOut, operation_id="invitation_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        page = paginate(request, selectors.invitation_list(self.workspace))
        return page_response(page, InvitationOut)

    @extend_schema(request=InvitationIn, responses={201: InvitationOut}, operation_id="invitation_create")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(InvitationIn, request)
        invitation = services.invitation_create(
            self.person,
            self.workspace,
            role=Role(data["role"]),
            expires_in_days=data["expires_in_days"],
            email=data["email"],
        )
        return Response(InvitationOut(invitation).data, status=201)


class InvitationDetailApi(WorkspaceApi):
    """One invitation."""

    policy = InWorkspace("member.manage")

    @extend_schema(responses={204: None}, operation_id="invitation_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, invitation_id: uuid.UUID) -> Response:
        services.invitation_delete(self.person, self.workspace, invitation_id)
        return Response(status=204)


class InvitationPreviewOut(serializers.Serializer[Any]):
    """What someone with the link sees before joining."""

    workspace_name = serializers.CharField()
    inviter_name = serializers.CharField()
    role = serializers.ChoiceField(choices=ROLES)
    expires_at = serializers.DateTimeField()


class InvitationPreviewApi(Api):
    """The page behind an invitation link; the unguessable token is the right to see it."""

    policy = PUBLIC
    throttle_scope = "invitation"

    @extend_schema(responses=InvitationPreviewOut, operation_id="invitation_preview")
    def get(self, request: Request, token: str) -> Response:
        invitation = selectors.invitation_find(token)
        if invitation is None:
            raise SageError(INVITATION_INVALID)
        preview = {
            "workspace_name": invitation.workspace.name,
            "inviter_name": invitation.created_by.name,
            "role": invitation.role,
            "expires_at": invitation.expires_at,
        }
        return Response(InvitationPreviewOut(preview).data)


class InvitationAcceptApi(PersonApi):
    """Joining by link."""

    policy = SIGNED_IN_BROWSER

    @extend_schema(request=None, responses=WorkspaceOut, operation_id="invitation_accept")
    def post(self, request: Request, token: str) -> Response:
        membership = services.invitation_accept(token, self.person)
        return Response(WorkspaceOut(selectors.workspace_get_for(self.person, membership.workspace_id)).data)
