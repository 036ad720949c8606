"""HTTP: what may start flows, and when it does next; pausing, and listening for one call."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Person
from apps.common.apis import StrictSerializer
from apps.common.errors import NotFound
from apps.common.policies import InWorkspace
from apps.common.problems import body_for, language_of_request
from apps.executions.selectors import localised
from apps.flows.selectors import flow_get
from apps.triggers import selectors
from apps.triggers.models import Trigger
from apps.triggers.selectors import Shown
from apps.triggers.services.listening import listening_begin, listening_stop
from apps.triggers.services.registering import trigger_pause, triggers_register
from apps.triggers.types import Kind
from apps.workspaces.apis import WorkspaceApi
from apps.workspaces.policies import may, role_of
from apps.workspaces.types import Action


class TriggerRunOut(serializers.Serializer[Any]):
    """The newest run a trigger started."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    state = serializers.CharField()
    created_at = serializers.DateTimeField()


class TriggerOut(serializers.Serializer[Any]):
    """A trigger: ``state`` is ``live``, ``paused`` or ``draft`` (drawn, not published). ``address`` and
    ``test_address`` are empty for kinds that have none, and for people who may start no runs; ``next_times``
    are in the schedule's time zone."""

    id = serializers.UUIDField(source="trigger.id")
    flow_id = serializers.UUIDField(source="trigger.flow_id")
    flow_name = serializers.CharField(source="trigger.flow.name")
    node_id = serializers.CharField(source="trigger.node_id")
    kind = serializers.CharField(source="trigger.kind")
    name = serializers.CharField()
    state = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    address = serializers.SerializerMethodField()
    test_address = serializers.SerializerMethodField()
    next_at = serializers.DateTimeField(allow_null=True)
    next_times = serializers.SerializerMethodField()
    schedule_error = serializers.SerializerMethodField()
    newest_run = TriggerRunOut(allow_null=True)
    refusals = serializers.IntegerField(source="trigger.refusals")
    last_error = serializers.SerializerMethodField()
    last_error_at = serializers.DateTimeField(source="trigger.last_error_at", allow_null=True)
    listening_until = serializers.DateTimeField(source="trigger.listening_until", allow_null=True)

    def get_address(self, shown: Shown) -> str:
        if not self.context["may_start"]:
            return ""
        page = {Kind.WEBHOOK.value: "hooks", Kind.FORM.value: "forms"}.get(shown.trigger.kind)
        return f"{settings.CONFIG.address}/{page}/{shown.trigger.pk}" if page else ""

    def get_test_address(self, shown: Shown) -> str:
        address = self.get_address(shown)
        return f"{address}/test" if address and shown.trigger.kind == Kind.WEBHOOK else ""

    def get_next_times(self, shown: Shown) -> list[str]:
        return [moment.isoformat() for moment in shown.next_times]

    @extend_schema_field(serializers.CharField())
    def get_schedule_error(self, shown: Shown) -> str:
        return "" if shown.schedule_error is None else str(body_for(shown.schedule_error, "")["detail"])

    @extend_schema_field(serializers.CharField())
    def get_last_error(self, shown: Shown) -> str:
        error = shown.trigger.last_error
        return "" if error is None else str(localised(error, language_of_request()).get("message", ""))


class TriggerListOut(serializers.Serializer[Any]):
    """All of them; a workspace has few."""

    items = TriggerOut(many=True)


def _told(person: Person, workspace_id: uuid.UUID, shown: Sequence[Shown]) -> dict[str, Any]:
    context = {"may_start": may(role_of(person, workspace_id), Action.RUN_START)}
    return {"items": TriggerOut(shown, many=True, context=context).data}


class TriggersApi(WorkspaceApi):
    """What may start flows of the workspace."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=TriggerListOut, operation_id="trigger_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        return Response(_told(self.person, workspace_id, selectors.triggers_of_workspace(workspace_id)))


class FlowTriggersApi(WorkspaceApi):
    """The triggers of one flow, with those that are only drawn so far."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=TriggerListOut, operation_id="flow_trigger_list")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        """A trigger gets its address when somebody first asks for it."""
        flow = flow_get(workspace_id=workspace_id, flow_id=flow_id)
        triggers_register(flow)
        return Response(_told(self.person, workspace_id, selectors.triggers_of_flow(flow)))


class TriggerPauseIn(StrictSerializer):
    """Whether the trigger rests."""

    is_paused = serializers.BooleanField()


class _TriggerApi(WorkspaceApi):
    def trigger(self, trigger_id: uuid.UUID) -> Trigger:
        found = Trigger.objects.filter(workspace_id=self.kwargs["workspace_id"], pk=trigger_id)
        trigger = found.select_related("flow").filter(flow__archived_at=None).first()
        if trigger is None:
            raise NotFound
        return trigger


class TriggerDetailApi(_TriggerApi):
    """One trigger."""

    policy = InWorkspace("version.publish")

    @extend_schema(request=TriggerPauseIn, responses={204: None}, operation_id="trigger_update")
    def patch(self, request: Request, workspace_id: uuid.UUID, trigger_id: uuid.UUID) -> Response:
        data = self.read(TriggerPauseIn, request)
        trigger_pause(self.person, self.trigger(trigger_id), is_paused=data["is_paused"])
        return Response(status=204)


class ListeningOut(serializers.Serializer[Any]):
    """Until when one call of the test address starts the draft."""

    listening_until = serializers.DateTimeField()


class TriggerListenApi(_TriggerApi):
    """Listening for one call of a test address."""

    policy = InWorkspace("run.start")

    @extend_schema(request=None, responses=ListeningOut, operation_id="trigger_listen")
    def post(self, request: Request, workspace_id: uuid.UUID, trigger_id: uuid.UUID) -> Response:
        until = listening_begin(self.person, self.trigger(trigger_id))
        return Response(ListeningOut({"listening_until": until}).data)

    @extend_schema(responses={204: None}, operation_id="trigger_listen_stop")
    def delete(self, request: Request, workspace_id: uuid.UUID, trigger_id: uuid.UUID) -> Response:
        listening_stop(self.person, self.trigger(trigger_id))
        return Response(status=204)
