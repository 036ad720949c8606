"""Routes of workspaces."""

from django.urls import path

from apps.workspaces import apis, audit_apis

urlpatterns = [
    path("workspaces", apis.WorkspacesApi.as_view()),
    path("workspaces/<uuid:workspace_id>", apis.WorkspaceDetailApi.as_view()),
    path("invitations/<str:token>", apis.InvitationPreviewApi.as_view()),
    path("invitations/<str:token>/accept", apis.InvitationAcceptApi.as_view()),
]
workspace_urlpatterns = [
    path("members", apis.MembersApi.as_view()),
    path("members/<uuid:person_id>", apis.MemberDetailApi.as_view()),
    path("audit", audit_apis.AuditApi.as_view()),
    path("leave", apis.MemberLeaveApi.as_view()),
    path("invitations", apis.InvitationsApi.as_view()),
    path("invitations/<uuid:invitation_id>", apis.InvitationDetailApi.as_view()),
]
