"""The ASGI application Daphne serves: HTTP by Django, WebSockets by the apps' ``routing`` modules."""

from __future__ import annotations

import os
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - these need the app registry filled
from django.conf import settings  # noqa: E402

from apps.accounts.adapters.sockets import authenticated, closing_unknown_routes  # noqa: E402
from apps.common.adapters import DoorHandler, PooledHandler, SlimHandler  # noqa: E402
from apps.common.door import through_doors  # noqa: E402
from apps.common.proxies import behind_trusted_proxies  # noqa: E402
from studio_project import celery  # noqa: E402

# Tasks sent from this process go to our broker, not to Celery's blank default application.
celery.app.set_default()

websocket_urlpatterns = [
    route for name in settings.STUDIO_ROUTING_MODULES for route in import_module(name).websocket_urlpatterns
]
doors = [door for name in settings.STUDIO_DOOR_MODULES for door in import_module(name).doors]
hot = DoorHandler()
application = behind_trusted_proxies(
    ProtocolTypeRouter(
        {
            "http": through_doors(doors, SlimHandler(hot), hot, PooledHandler()),
            "websocket": closing_unknown_routes(authenticated(URLRouter(websocket_urlpatterns))),
        }
    ),
    settings.TRUSTED_PROXIES,
)
