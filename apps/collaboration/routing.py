"""WebSocket routes of live documents."""

from django.urls import path

from apps.collaboration.consumers import DocumentConsumer

websocket_urlpatterns = [path("ws/doc/<uuid:flow_id>", DocumentConsumer.as_asgi())]
