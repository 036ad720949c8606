"""The base of all views inside a workspace, and the workspace routes."""

from __future__ import annotations

from rest_framework.request import Request

from apps.common.apis import Api
from apps.common.errors import NotFound
from apps.common.policies import InWorkspace, Policy
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Role


class WorkspaceApi(Api):
    """A view under ``workspaces/<workspace_id>/``: before the handler runs, the person's role is
    checked against the policy's action and ``self.workspace`` and ``self.role`` are set."""

    workspace: Workspace
    role: Role

    def check_policy(self, request: Request, policy: Policy | None) -> None:
        if not isinstance(policy, InWorkspace):
            super().check_policy(request, policy)
            return
        self._require_person(request)
        workspace_id = self.kwargs["workspace_id"]
        self.role = policies.require(request.user, workspace_id, policy.action)
        workspace = Workspace.objects.filter(pk=workspace_id).first()
        if workspace is None:
            raise NotFound()
        self.workspace = workspace
