"""HTTP: diagnoses of a run."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.assistant.models import Diagnosis
from apps.assistant.selectors import diagnosis_list
from apps.common.policies import InWorkspace
from apps.common.problems import language_of_request
from apps.workspaces.apis import WorkspaceApi


class TextOut(serializers.Serializer[Any]):
    en = serializers.CharField()
    zh = serializers.CharField()


class AdviceOut(serializers.Serializer[Any]):
    """``patch`` is a proposed change of the flow, or null when only a person can do it."""

    text = TextOut()
    patch = serializers.JSONField(allow_null=True)


class DiagnosisOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    node_id = serializers.CharField()
    iteration_path = serializers.CharField()
    # DRF collects declared fields and takes them off the class, so this hides no attribute.
    source = serializers.ChoiceField(choices=Diagnosis.Source.choices)  # type: ignore[assignment]
    rule = serializers.CharField()
    confidence = serializers.FloatField()
    cause = TextOut()
    evidence = serializers.SerializerMethodField()
    advice = AdviceOut(many=True)
    created_at = serializers.DateTimeField()

    def get_evidence(self, diagnosis: Diagnosis) -> str:
        """Lines of the log and values; empty for readers from whom they are hidden."""
        if self.context.get("hides_values"):
            return ""
        return str(diagnosis.evidence.get(language_of_request(), ""))


class DiagnosisListOut(serializers.Serializer[Any]):
    items = DiagnosisOut(many=True)


class DiagnosisListApi(WorkspaceApi):
    policy = InWorkspace("run.view")

    @extend_schema(operation_id="runs_diagnoses", responses=DiagnosisListOut)
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        """What the assistant found out about a failed run."""
        found = diagnosis_list(workspace=self.workspace, run_id=run_id)
        context = {"hides_values": not self.sees_values}
        return Response({"items": DiagnosisOut(found, many=True, context=context).data})
