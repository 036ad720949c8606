"""Flows as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class FlowPersonOut(serializers.Serializer[Any]):
    """Who edited a flow last."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    color = serializers.IntegerField()


class FlowRunOut(serializers.Serializer[Any]):
    """The newest run."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)


class FlowOut(serializers.Serializer[Any]):
    """One flow as lists show it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    updated_at = serializers.DateTimeField(source="edited_at")
    updated_by = FlowPersonOut(source="edited_by", allow_null=True)
    node_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    last_run = serializers.SerializerMethodField()

    @extend_schema_field(FlowRunOut(allow_null=True))
    def get_last_run(self, flow: Any) -> FlowRunOut | None:
        if flow.last_run_id is None:
            return None
        run = {"id": flow.last_run_id, "state": flow.last_run_state, "finished_at": flow.last_run_finished_at}
        return FlowRunOut(run).data  # type: ignore[return-value] # the annotation is what the schema shows
