"""WebSocket routes of runs."""

from __future__ import annotations

from django.urls import path

from apps.executions.consumers import FlowEventsConsumer

websocket_urlpatterns = [path("ws/flow/<uuid:flow_id>", FlowEventsConsumer.as_asgi())]
