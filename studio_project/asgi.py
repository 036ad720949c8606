"""The ASGI application Daphne serves: HTTP by Django, WebSockets by the apps' ``routing`` modules."""

from __future__ import annotations

import os
from importlib import import_module

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs the app registry filled
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

websocket_urlpatterns = [
    route
    for name in settings.STUDIO_ROUTING_MODULES
    for route in import_module(name).websocket_urlpatterns
]
application = ProtocolTypeRouter(
    {"http": django_application, "websocket": AuthMiddlewareStack(URLRouter(websocket_urlpatterns))}
)
