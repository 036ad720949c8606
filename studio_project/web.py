"""The web process: Daphne over ``studio_project.asgi``.

Beside ``serve`` because it loads a server and its libraries that a worker never needs. Import it with
Django set up.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from daphne import http_protocol
from daphne.cli import CommandLineInterface
from daphne.server import Server
from django.conf import settings
from twisted.internet.defer import Deferred

from apps.collaboration.adapters import drain
from apps.collaboration.consumers import WRITE_NOW
from apps.executions.adapters.cancel_watch import watch_cancels
from studio_project import asgi
from studio_project.bodies import FRAME_BYTES, bound_bodies
from studio_project.messages import ShortWay, use_short_way

# Proxies and laptops close silent connections; Daphne pings sockets this often and drops the dead ones.
PING_INTERVAL_S = 20
PING_TIMEOUT_S = 30
# All of one person's work offline comes as one message of up to 4 MiB (``rooms.limits``), in a frame.
CLIENT_MESSAGE_BYTES = 4 * 1024 * 1024 + 64 * 1024
# What closing rooms may take when the process is told to stop; a database that hangs must not keep it.
DRAIN_WITHIN_S = 8.0

log = structlog.get_logger(__name__)


class WebServer(Server):
    """Daphne, which offers rooms the short way out, and lets them write and acknowledge before it ends the
    connections."""

    def create_application(self, protocol: object, scope: dict[str, Any]) -> object:
        if isinstance(protocol, ShortWay):
            scope["extensions"] = {**scope.get("extensions", {}), WRITE_NOW: protocol.write_now}
        return super().create_application(protocol, scope)

    def kill_all_applications(self) -> Deferred[object]:
        drained: Deferred[object] = Deferred.fromFuture(asyncio.get_running_loop().create_task(_drained()))
        return drained.addCallback(lambda _: super(WebServer, self).kill_all_applications())


async def _drained() -> None:
    try:
        async with asyncio.timeout(DRAIN_WITHIN_S):
            await drain()
    except Exception:  # the process ends either way; what is not written is still with its people
        log.exception("drain_failed")


def serve() -> int:
    """Answer until the process is told to stop."""
    options = [
        *("-b", settings.CONFIG.host),
        *("-p", str(settings.CONFIG.port)),
        *("--ping-interval", str(PING_INTERVAL_S)),
        *("--ping-timeout", str(PING_TIMEOUT_S)),
        *("--websocket-max-message-size", str(CLIENT_MESSAGE_BYTES)),
        *("--websocket-max-frame-size", str(CLIENT_MESSAGE_BYTES)),
        *("--server-name", "sage-studio"),
        *("-v", "0"),  # our own canonical line per request says more than Daphne's
    ]
    bound_bodies(settings.MAX_UPLOAD_BYTES + FRAME_BYTES)
    use_short_way()
    http_protocol.HTTPFactory.log = _no_access_log
    CommandLineInterface.server_class = WebServer
    watch_cancels()
    CommandLineInterface().run([*options, f"{asgi.__name__}:application"])
    return 0


def _no_access_log(_factory: object, _request: object) -> None:
    """Twisted writes a line per request to a log nobody keeps."""
