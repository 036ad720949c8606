"""HTTP routes of what people ask of a run: commands, and answers to what it waits for."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.policies import InWorkspace
from apps.common.problems import in_words
from apps.executions import selectors, services
from apps.executions.apis import RunApi, RunOut, definition_to_run
from apps.executions.approval_selectors import approval_list
from apps.executions.hiding import without_question
from apps.executions.models import Run
from apps.executions.types import Command
from apps.workspaces.apis import WorkspaceApi


class WaitOut(serializers.Serializer[Any]):
    """One thing the run waits for; ``key`` is what a signal names."""

    key = serializers.CharField()
    node_id = serializers.CharField()
    iteration_path = serializers.CharField()
    attempt = serializers.IntegerField()
    name = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    can_signal = serializers.BooleanField()
    is_answered = serializers.BooleanField()
    details = serializers.JSONField()


class WaitListOut(serializers.Serializer[Any]):
    """All a run waits for."""

    items = WaitOut(many=True)


class RunWaitsApi(RunApi):
    """What a run waits for."""

    @extend_schema(responses=WaitListOut, operation_id="run_wait_list")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        waits = selectors.wait_list(self.run)
        if not self.sees_values:
            waits = [without_question(wait) for wait in waits]
        return Response({"items": WaitOut(waits, many=True).data})


class ApprovalOut(serializers.Serializer[Any]):
    """A question of a run; ``wait.key`` is what its answer names."""

    run_id = serializers.UUIDField(source="run.pk")
    run_number = serializers.IntegerField(source="run.number")
    flow_id = serializers.UUIDField(source="run.flow_id")
    flow_name = serializers.CharField(source="run.flow.name")
    node_name = serializers.CharField()
    wait = WaitOut()


class ApprovalListOut(serializers.Serializer[Any]):
    """All that people are asked in a workspace, the oldest first."""

    items = ApprovalOut(many=True)


class ApprovalsApi(WorkspaceApi):
    """What the runs of the workspace ask people."""

    policy = InWorkspace("run.view")

    @extend_schema(responses=ApprovalListOut, operation_id="approval_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        asked = approval_list(workspace_id)
        if not self.sees_values:
            asked = [replace(approval, wait=without_question(approval.wait)) for approval in asked]
        return Response({"items": ApprovalOut(asked, many=True).data})


class SignalIn(StrictSerializer):
    """The answer to a wait; the payload reaches the node as it is."""

    key = serializers.CharField(max_length=2200)
    payload = serializers.JSONField(required=False, allow_null=True, default=None)


class SignalOut(serializers.Serializer[Any]):
    """A signal that was accepted."""

    key = serializers.CharField()
    created_at = serializers.DateTimeField()


class RunSignalsApi(WorkspaceApi):
    """Answer what a run waits for: approve, reject, fill in. The first answer counts."""

    policy = InWorkspace("run.control")

    @extend_schema(request=SignalIn, responses={202: SignalOut}, operation_id="run_signal")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        data = self.read(SignalIn, request)
        signal = services.signal_send(
            person=self.person,
            workspace_id=workspace_id,
            run_id=run_id,
            key=data["key"],
            payload=data["payload"],
        )
        return Response(SignalOut(signal).data, status=202)


class RunCommandIn(StrictSerializer):
    """What to do with the run. ``redrive`` goes on where the run failed, or from ``from_node``, with the
    definition that ran (``same``), the flow as it is drawn (``current``), or a version's number. ``resume``
    takes a higher ``budget`` for a run that paused for its budget."""

    command = serializers.ChoiceField(choices=[command.value for command in Command])
    from_node = serializers.CharField(required=False, allow_null=True, default=None, max_length=64)
    version = serializers.CharField(required=False, default="same", max_length=9)
    budget = serializers.IntegerField(required=False, min_value=0, max_value=1_000_000_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_redrive = attrs["command"] == Command.REDRIVE
        if not is_redrive and (attrs["from_node"] is not None or attrs["version"] != "same"):
            words = in_words("Only redrive takes a node or a version.", "只有重新驱动可以指定节点或版本。")
            raise serializers.ValidationError({"from_node": words})
        if "budget" in attrs and attrs["command"] != Command.RESUME:
            words = in_words("Only resume takes a budget.", "只有继续运行可以指定预算。")
            raise serializers.ValidationError({"budget": words})
        if attrs["version"] not in ("same", "current") and not _is_number(attrs["version"]):
            words = in_words("One of same, current, or a number.", "只能是 same、current 或版本号。")
            raise serializers.ValidationError({"version": words})
        return attrs


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


_ACTS = {
    Command.CANCEL: services.run_cancel,
    Command.PAUSE: services.run_pause,
    Command.RESUME: services.run_resume,
    Command.RETRY: services.run_retry,
}


class RunCommandsApi(WorkspaceApi):
    """Cancel, pause, resume or repeat a run, whole or from where it failed."""

    policy = InWorkspace("run.control")

    @extend_schema(request=RunCommandIn, responses={202: RunOut}, operation_id="run_command")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        data = self.read(RunCommandIn, request)
        command = Command(data["command"])
        if command is Command.REDRIVE:
            run = self._redrive(workspace_id, run_id, data)
        elif "budget" in data:
            run = services.run_resume(
                person=self.person, workspace_id=workspace_id, run_id=run_id, budget=data["budget"]
            )
        else:
            run = _ACTS[command](person=self.person, workspace_id=workspace_id, run_id=run_id)
        return Response(RunOut(run).data, status=202)

    def _redrive(self, workspace_id: uuid.UUID, run_id: uuid.UUID, data: dict[str, Any]) -> Run:
        flow, wanted = selectors.run_get(workspace_id, run_id).flow, data["version"]
        version = int(wanted) if _is_number(wanted) else None
        return services.run_redrive(
            person=self.person,
            workspace_id=workspace_id,
            run_id=run_id,
            from_node=data["from_node"],
            definition=None if wanted == "same" else definition_to_run(flow, version),
            version=version,
        )
