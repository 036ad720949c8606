"""HTTP route of the places nodes may run at."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.policies import InWorkspace
from apps.workspaces.apis import WorkspaceApi
from sage_studio.engine.executors.placing import KUBERNETES, RAY
from sage_studio.flow.document import EXECUTORS


class ExecutorOut(serializers.Serializer[Any]):
    """A place; ``variable`` is the setting that an operator would have to give for it, else empty."""

    name = serializers.ChoiceField(choices=list(EXECUTORS))
    is_available = serializers.BooleanField()
    variable = serializers.CharField()


class ExecutorListOut(serializers.Serializer[Any]):
    """All places there are."""

    items = ExecutorOut(many=True)


class ExecutorsApi(WorkspaceApi):
    """Where nodes may run, as this installation is set up."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=ExecutorListOut, operation_id="executor_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        config = settings.CONFIG
        missing = {}
        if not config.ray_cluster:
            missing[RAY] = "SAGE_RAY_CLUSTER"
        if not config.kubernetes_image:
            missing[KUBERNETES] = "SAGE_KUBERNETES_IMAGE"
        items = [
            {"name": name, "is_available": name not in missing, "variable": missing.get(name, "")}
            for name in EXECUTORS
        ]
        return Response({"items": items})
