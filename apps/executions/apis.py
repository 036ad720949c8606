"""HTTP routes of runs: listing, starting, one run. What it did is in ``trace_apis``, what may be asked of
it in ``control_apis``."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, cast

from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration.selectors import definition_current
from apps.common.apis import StrictSerializer
from apps.common.errors import Invalid
from apps.common.idempotency import idempotent
from apps.common.paging import paginate
from apps.common.policies import InWorkspace
from apps.common.problems import in_words
from apps.executions import budgets, selectors, services
from apps.executions.debug_apis import DebugStartIn
from apps.executions.models import NEVER, Run
from apps.executions.types import Trigger
from apps.flows.models import Definition, Flow
from apps.flows.selectors import flow_to_run
from apps.versions.selectors import version_definition
from apps.workspaces.apis import WorkspaceApi
from sage_studio.engine.partial import Part
from sage_studio.kernel import JsonObject
from sage_studio.kernel.errors import Language


def language_of_reader() -> Language:
    return "zh" if (get_language() or "en").startswith("zh") else "en"


class ErrorField(serializers.JSONField):
    """A stored problem, said in the reader's language."""

    def to_representation(self, value: Any) -> Any:
        return selectors.localised(value, language_of_reader()) if isinstance(value, dict) else value


class RunPersonOut(serializers.Serializer[Any]):
    """Who started a run."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    color = serializers.IntegerField()


class MoneyOut(serializers.Serializer[Any]):
    """An amount in millionths of a currency (empty while nothing was spent)."""

    micros = serializers.IntegerField()
    currency = serializers.CharField()


class BudgetOut(serializers.Serializer[Any]):
    """What a run and all it starts may spend, in the smallest unit of the currency."""

    amount = serializers.IntegerField()
    currency = serializers.CharField()


class RunOut(serializers.Serializer[Any]):
    """A run as lists show it; ``cost`` is with all the runs it started."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    flow_id = serializers.UUIDField()
    flow_name = serializers.CharField(source="flow.name")
    state = serializers.ChoiceField(choices=Run.State.choices)
    trigger = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    retry_of = serializers.UUIDField(allow_null=True)
    parent_run_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    duration_ms = serializers.SerializerMethodField()
    created_by = RunPersonOut(allow_null=True)
    reason = serializers.CharField()
    pause_requested_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    wakes_at = serializers.SerializerMethodField()
    error = ErrorField(allow_null=True)
    cost = serializers.SerializerMethodField()
    budget = BudgetOut(allow_null=True)

    @extend_schema_field(MoneyOut)
    def get_cost(self, run: Run) -> Any:
        micros, currency = budgets.cost_of(run)
        return {"micros": micros, "currency": currency}

    def get_wakes_at(self, run: Run) -> datetime | None:
        """When a run that only waits goes on by itself; null for signals alone, and for other runs."""
        is_parked = run.state == Run.State.RUNNING and run.owner == ""
        return run.lease_until if is_parked and run.lease_until != NEVER else None

    def get_duration_ms(self, run: Run) -> int | None:
        if run.started_at is None or run.finished_at is None:
            return None
        return round((run.finished_at - run.started_at).total_seconds() * 1000)


class ChildRunOut(serializers.Serializer[Any]):
    """A run that a node of this run started; ``parent_path`` names that node, its path and attempt."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    flow_id = serializers.UUIDField()
    flow_name = serializers.CharField(source="flow.name")
    state = serializers.ChoiceField(choices=Run.State.choices)
    parent_path = serializers.CharField()


class RunDetailOut(RunOut):
    """A run with what it was given and what it gave; big values are references. ``children`` are the
    newest of the runs it started (``?parent=`` of the list pages them all). ``budget_in_force`` is its own
    budget or one above it, the one that leaves least: it is what ``resume`` raises."""

    parent_path = serializers.CharField()
    depth = serializers.IntegerField()
    children = serializers.SerializerMethodField()
    budget_in_force = serializers.SerializerMethodField()

    inputs = serializers.JSONField()
    outputs = serializers.JSONField(allow_null=True)
    are_values_hidden = serializers.SerializerMethodField()
    last_seq = serializers.IntegerField()

    def to_representation(self, instance: Any) -> Any:
        shape = super().to_representation(instance)
        if shape["are_values_hidden"]:
            shape |= {"inputs": {}, "outputs": None}
        return shape

    def get_are_values_hidden(self, run: Run) -> bool:
        """Whether the owner hides what runs take and give from the reader."""
        return bool(self.context.get("are_values_hidden"))

    @extend_schema_field(BudgetOut(allow_null=True))
    def get_budget_in_force(self, run: Run) -> Any:
        holder = budgets.budget_holder(run)
        return None if holder is None else holder.budget

    @extend_schema_field(ChildRunOut(many=True))
    def get_children(self, run: Run) -> Any:
        return ChildRunOut(selectors.child_list(run), many=True).data


class RunPageOut(serializers.Serializer[Any]):
    """A page of runs."""

    items = RunOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RunStartIn(StrictSerializer):
    """What to run: the flow as it is drawn now, or a committed version of it; all of it or a part
    (``from_node``, ``until_node``, or ``only_node`` with ``node_inputs``), on the recorded data of
    ``data_of_run``; with a debug session or without."""

    flow_id = serializers.UUIDField()
    inputs = serializers.DictField(required=False)
    version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    from_node = serializers.CharField(required=False, max_length=64)
    until_node = serializers.CharField(required=False, max_length=64)
    only_node = serializers.CharField(required=False, max_length=64)
    node_inputs = serializers.DictField(required=False)
    data_of_run = serializers.UUIDField(required=False)
    debug = DebugStartIn(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "only_node" in attrs and ("from_node" in attrs or "until_node" in attrs):
            words = in_words("One node alone has no beginning and end.", "单个节点没有起点和终点。")
            raise serializers.ValidationError({"only_node": words})
        if "node_inputs" in attrs and "only_node" not in attrs:
            words = in_words(
                "Only one node alone takes its inputs.", "只有单独运行一个节点时才能给出其输入。"
            )
            raise serializers.ValidationError({"node_inputs": words})
        return attrs


# A serializer copies its fields each time one is made, which takes longer than reading a request with it;
# neither of these keeps anything of what it reads or shows.
START, SHOWN = RunStartIn(), RunOut()


def _part(data: JsonObject) -> Part | None:
    """The part of the flow that was asked for; None for all of it."""
    wanted = [data.get(name) for name in ("from_node", "until_node", "only_node")]
    if not any(wanted):
        return None
    from_node, until_node, only_node = cast("list[str | None]", wanted)
    return Part(from_node, until_node, only_node, cast(JsonObject, data.get("node_inputs", {})))


class RunsApi(WorkspaceApi):
    """Runs of the workspace."""

    policies = {"GET": InWorkspace("run.view"), "POST": InWorkspace("run.start")}

    @extend_schema(
        parameters=[
            OpenApiParameter("flow_id", OpenApiTypes.UUID),
            OpenApiParameter("state", OpenApiTypes.STR, enum=Run.State.values),
            OpenApiParameter("reason", OpenApiTypes.STR, description="Why it is paused: dead_letter, …"),
            OpenApiParameter("parent", OpenApiTypes.UUID, description="Runs this run started; else none."),
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        responses=RunPageOut,
        operation_id="run_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        runs = selectors.run_list(
            workspace_id,
            flow_id=_uuid_param(request, "flow_id"),
            state=_state_param(request),
            reason=request.query_params.get("reason"),
            parent_id=_uuid_param(request, "parent"),
        )
        page = paginate(request, runs)
        budgets.costs_attach(page.items)
        return Response({"items": RunOut(page.items, many=True).data, "next_cursor": page.next_cursor})

    @extend_schema(request=RunStartIn, responses={202: RunOut}, operation_id="run_start")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = START.run_validation(request.data)
        flow = flow_to_run(workspace_id, data["flow_id"])
        part, debug = _part(data), data.get("debug")
        facts = {
            "person": self.person,
            "flow": flow,
            "definition": definition_to_run(flow, data["version"]),
            "version": data["version"],
            "trigger": Trigger.API if request.auth is not None else Trigger.MANUAL,
        }
        if part is None and debug is None and "data_of_run" not in data:
            run = services.run_accept(**facts, inputs=data.get("inputs", {}))
        else:
            run = services.run_begin(
                **facts,
                inputs=data.get("inputs"),
                debug=None if debug is None else services.debug_setup(flow, **debug),
                part=part,
                data_of_run=data.get("data_of_run"),
            )
        return Response(SHOWN.to_representation(run), status=202)


def definition_to_run(flow: Flow, version: int | None) -> Definition:
    """The flow as it is drawn now, or as a version froze it. Raises NotFound."""
    return definition_current(flow) if version is None else version_definition(flow, version)


def _uuid_param(request: Request, name: str) -> uuid.UUID | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError:
        raise Invalid(name, "uuid", f"The {name} is not an id.") from None


def _state_param(request: Request) -> str | None:
    state = request.query_params.get("state")
    if state is not None and state not in Run.State.values:
        raise Invalid("state", "state", f"The state is one of {', '.join(Run.State.values)}.")
    return state


class RunApi(WorkspaceApi):
    """Base of the routes of one run; ``self.run`` belongs to the workspace."""

    policy = InWorkspace("run.view")
    run: Run

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.run = selectors.run_get(self.kwargs["workspace_id"], self.kwargs["run_id"])


class RunDetailApi(RunApi):
    """One run."""

    @extend_schema(responses=RunDetailOut, operation_id="run_get")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        return Response(RunDetailOut(self.run, context={"are_values_hidden": not self.sees_values}).data)
