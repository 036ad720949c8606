"""Every route of the product with its policy, read from the routers themselves."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import get_converters

from apps.common.apis import Api
from apps.common.policies import ADMIN, Admin, InWorkspace, Policy, Public, SignedIn
from apps.common.views import POLICIES
from studio_project.asgi import doors, websocket_urlpatterns
from studio_project.urls import SIGNING_POLICIES

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """One method of one address. ``kwargs`` are the names and converters in the address."""

    method: str
    path: str
    policy: Policy | None
    view: Any = field(compare=False)
    kwargs: dict[str, str] = field(compare=False, default_factory=dict)

    @property
    def is_api(self) -> bool:
        return isinstance(self.view, type) and issubclass(self.view, Api)

    @property
    def is_door(self) -> bool:
        """Whether requests for it take the short way (``apps.common.door``)."""
        sample = re.sub(r"<\w+:\w+>", "x", re.sub(r"<uuid:\w+>", str(uuid.UUID(int=1)), self.path))
        return any(door.match({"method": self.method, "path": sample}) is not None for door in doors)

    def __str__(self) -> str:
        return f"{self.method:<6} {self.path}  {spell(self.policy)}{', door' if self.is_door else ''}"


def spell(policy: Policy | None) -> str:
    """A policy as the golden file writes it."""
    match policy:
        case Public():
            return "public"
        case SignedIn(browser_only=browser_only):
            return "signed in, browser only" if browser_only else "signed in"
        case Admin():
            return "admin"
        case InWorkspace(action=action):
            return f"workspace: {action}"
        case _:
            return "NO POLICY"


def _walk(
    patterns: list[Any], prefix: str, kwargs: dict[str, str]
) -> Iterator[tuple[str, URLPattern, dict[str, str]]]:
    names = {type(converter): name for name, converter in get_converters().items()}
    for pattern in patterns:
        found = kwargs | {
            name: names[type(converter)] for name, converter in pattern.pattern.converters.items()
        }
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path, found)
        else:
            yield path, pattern, found


def _is_console(pattern: URLPattern) -> bool:
    return hasattr(pattern.callback, "admin_site") or hasattr(pattern.callback, "model_admin")


def _expand(path: str, pattern: URLPattern, kwargs: dict[str, str]) -> Iterator[Route]:
    view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
    if isinstance(view, type) and issubclass(view, Api):
        for method in METHODS:
            if hasattr(view, method.lower()):
                yield Route(method, path, view.policy_for(method), view, kwargs)
    elif _is_console(pattern):
        yield Route("ANY", path, ADMIN, None)
    else:
        policy = POLICIES.get(pattern.name or "") or SIGNING_POLICIES.get(pattern.name or "")
        yield Route("ANY", path, policy, None)


def http_routes() -> list[Route]:
    """All HTTP routes."""
    walked = _walk(get_resolver().url_patterns, "/", {})
    return [route for path, pattern, kwargs in walked for route in _expand(path, pattern, kwargs)]


def websocket_routes() -> list[Route]:
    """All WebSocket routes; a consumer names its policy as a view does."""
    routes = []
    for path, pattern, kwargs in _walk(websocket_urlpatterns, "/", {}):
        consumer = getattr(pattern.callback, "consumer_class", pattern.callback)
        routes.append(Route("WS", path, getattr(consumer, "policy", None), consumer, kwargs))
    return routes
