"""Doors: hot addresses of the API with threads and a short chain of middleware of their own.

A door opens on an ordinary view: policy, authentication, parsing, idempotency and error documents are the
view's and the API's, there is no second set of rules. What differs is the way to it: requests to a door
skip the middleware that only pages and files need (``settings.DOOR_MIDDLEWARE``), and never wait behind
slow requests for a thread. An app names its doors in a module ``doors``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

Application = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Door:
    """A method and the addresses it is hot on; ``path`` matches a whole address."""

    method: str
    path: re.Pattern[str]

    def fits(self, scope: Any) -> bool:
        return scope["method"] == self.method and self.path.fullmatch(scope["path"]) is not None


def through_doors(doors: Sequence[Door], hot: Application, rest: Application) -> Application:
    """Sends requests for a door to ``hot`` and all others to ``rest``."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        chosen = hot if any(door.fits(scope) for door in doors) else rest
        await chosen(scope, receive, send)

    return application
