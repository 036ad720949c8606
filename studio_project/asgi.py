"""The ASGI application Daphne serves: HTTP by Django, WebSockets by the apps' ``routing`` modules."""

from __future__ import annotations

import os
from importlib import import_module

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - these need the app registry filled
from django.conf import settings  # noqa: E402

from apps.accounts.adapters.sockets import authenticated, closing_unknown_routes  # noqa: E402
from apps.common.proxies import behind_trusted_proxies  # noqa: E402
from studio_project import celery  # noqa: E402

# Tasks sent from this process go to our broker, not to Celery's blank default application.
celery.app.set_default()

websocket_urlpatterns = [
    route for name in settings.STUDIO_ROUTING_MODULES for route in import_module(name).websocket_urlpatterns
]
application = behind_trusted_proxies(
    ProtocolTypeRouter(
        {
            "http": django_application,
            "websocket": closing_unknown_routes(authenticated(URLRouter(websocket_urlpatterns))),
        }
    ),
    settings.TRUSTED_PROXIES,
)
