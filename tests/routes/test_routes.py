"""Deny by default, proved over the routers: every route × everyone.

``tests/golden/routes.txt`` is the reviewed list of all routes and their policies. After a wanted
change run ``UPDATE_GOLDEN=1 pytest tests/routes`` and read the difference.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from apps.accounts import selectors, services as accounts
from apps.accounts.types import Scope
from apps.common.apis import Api
from apps.common.policies import PUBLIC, Admin, InWorkspace, Public, SignedIn
from apps.workspaces.policies import ROLE_TABLE, token_may
from apps.workspaces.types import Action, Role
from tests.routes.inventory import Route, http_routes, websocket_routes
from tests.world import World

GOLDEN = Path(__file__).parent.parent / "golden" / "routes.txt"
ROUTES = http_routes()
API_ROUTES = [route for route in ROUTES if route.is_api]
# Addresses anyone may reach; adding one is a decision of its own.
PUBLIC_ADDRESSES = {
    "/healthz",
    "/readyz",
    "/api/v1/session",
    "/api/v1/invitations/<str:token>",
    "/api/v1/shared/<str:token>",
    "/_allauth/browser/v1/auth/session",
    "/_allauth/browser/v1/auth/login",
    "/_allauth/browser/v1/auth/signup",
    "/_allauth/browser/v1/auth/password/request",
    "/_allauth/browser/v1/auth/password/reset",
    "/admin/login/",
    "/forms/<uuid:trigger_id>",
    "/forms/<uuid:trigger_id>/runs/<str:token>",
    "/hooks/<uuid:trigger_id>",
    "/hooks/<uuid:trigger_id>/runs/<str:token>",
    "/hooks/<uuid:trigger_id>/test",
}
SAMPLE = {"uuid": str(uuid.UUID(int=7)), "int": "7", "str": "x", "slug": "x", "path": "x"}
REFUSED = {401, 403}


def address(route: Route, world: World) -> str:
    """The route's address with the world's workspace and ids that name nothing."""
    path = route.path
    for name, kind in route.kwargs.items():
        value = str(world.workspace.pk) if name == "workspace_id" else SAMPLE[kind]
        path = path.replace(f"<{kind}:{name}>", value)
    return path


def status(client: APIClient, route: Route, world: World) -> int:
    """What the route answers; whatever it did is undone."""
    body: Any = None if route.method in ("GET", "DELETE") else {}
    with transaction.atomic():
        response = getattr(client, route.method.lower())(address(route, world), body)
        if response.streaming:
            response.close()
        transaction.set_rollback(True)
    return int(response.status_code)


def test_the_golden_file_lists_exactly_the_routes_there_are() -> None:
    text = "\n".join(sorted(str(route) for route in [*ROUTES, *websocket_routes()])) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert GOLDEN.read_text() == text


def test_every_route_names_a_policy() -> None:
    assert [str(route) for route in [*ROUTES, *websocket_routes()] if route.policy is None] == []


def test_every_workspace_action_a_route_names_exists() -> None:
    named = {
        route.policy.action
        for route in [*ROUTES, *websocket_routes()]
        if isinstance(route.policy, InWorkspace)
    }
    assert named <= {action.value for action in Action}


def test_the_public_addresses_are_the_listed_ones() -> None:
    found = {route.path for route in ROUTES if isinstance(route.policy, Public)}
    page = {path for path in found if path.startswith("/^")}
    assert found - page == PUBLIC_ADDRESSES
    assert len(page) == 1


def test_no_websocket_is_public() -> None:
    assert all(isinstance(route.policy, InWorkspace) for route in websocket_routes())


def test_a_view_that_forgets_its_policy_is_refused(world: World) -> None:
    class Forgetful(Api):
        def get(self, request: object) -> None:
            raise AssertionError("reached")

    from rest_framework.test import APIRequestFactory, force_authenticate

    request = APIRequestFactory().get("/x")
    force_authenticate(request, world.admin.person)
    assert Forgetful.as_view()(request).status_code == 403


@pytest.mark.parametrize("route", API_ROUTES, ids=str)
def test_the_route_lets_in_exactly_who_its_policy_says(route: Route, world: World) -> None:
    """Whoever is let in may still meet a 400, 404 or 409: the ids here name nothing and bodies are empty."""
    answers = {name: status(client, route, world) for name, client in world.everyone().items()}
    match route.policy:
        case Public():
            assert not REFUSED & set(answers.values())
        case SignedIn():
            assert answers.pop("anonymous") == 401
            assert not REFUSED & set(answers.values())
        case Admin():
            assert answers.pop("anonymous") == 401
            assert answers.pop("admin") not in REFUSED
            assert set(answers.values()) == {403}
        case InWorkspace(action=action):
            assert answers["anonymous"] == 401
            assert (answers["stranger"], answers["admin"]) == (404, 404)
            for role in Role:
                allowed = Action(action) in ROLE_TABLE[role]
                assert (answers[role.value] not in REFUSED) if allowed else (answers[role.value] == 403)
        case _:
            pytest.fail("no policy")
    assert all(code < 500 for code in answers.values())


@pytest.mark.parametrize("route", [route for route in API_ROUTES if route.is_door], ids=str)
def test_a_door_lets_in_exactly_who_its_policy_says(route: Route, world: World, settings: Any) -> None:
    """The same question to the short chain of middleware that a door has."""
    settings.MIDDLEWARE = settings.DOOR_MIDDLEWARE
    test_the_route_lets_in_exactly_who_its_policy_says(route, world)
    for scope in Scope:
        _, secret = accounts.token_create(world.owner.person, name="t", scopes=[scope], expires_in_days=1)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        token = selectors.token_find(secret)
        assert token is not None
        assert isinstance(route.policy, InWorkspace)
        assert (status(client, route, world) not in REFUSED) == token_may(token, route.policy.action)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_token_opens_only_what_its_scope_names(scope: Scope, world: World) -> None:
    _, secret = accounts.token_create(world.owner.person, name="t", scopes=[scope], expires_in_days=1)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    token = selectors.token_find(secret)
    assert token is not None
    for route in API_ROUTES:
        answer = status(client, route, world)
        match route.policy:
            case InWorkspace(action=action):
                expected = token_may(token, action)
            case SignedIn(browser_only=False):
                expected = scope is (Scope.READ if route.method == "GET" else Scope.WRITE)
            case policy:
                expected = policy == PUBLIC
        assert (answer not in REFUSED) == expected, f"{route}: {answer} with scope {scope}"
        assert answer < 500, str(route)


@pytest.mark.parametrize("route", [route for route in API_ROUTES if "workspace_id" in route.kwargs], ids=str)
def test_a_workspace_that_does_not_exist_looks_like_someone_elses(route: Route, world: World) -> None:
    path = address(route, world).replace(str(world.workspace.pk), str(uuid.uuid4()))
    body: Any = None if route.method in ("GET", "DELETE") else {}
    assert getattr(world.owner.client, route.method.lower())(path, body).status_code == 404
