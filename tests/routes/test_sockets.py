"""Every WebSocket route × everyone: Origin, session or token, role."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.types import Scope
from apps.collaboration.adapters import drain
from apps.workspaces import services as workspaces
from apps.workspaces.types import Role
from studio_project.asgi import application
from tests.routes.inventory import Route, websocket_routes
from tests.world import World, make_world

ROUTES = websocket_routes()
ORIGIN = (b"origin", b"http://testserver")
HOST = (b"host", b"testserver")
MALFORMED = 4400
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("route", ROUTES, ids=str)]


@pytest.fixture
def small_world(transactional_db: None) -> tuple[World, str]:
    """The world and the id of a flow in its workspace."""
    world = make_world()
    flow = world.editor.client.post(f"{world.url}/flows", {"name": "F"}).json()
    return world, flow["id"]


@pytest.fixture(autouse=True)
async def no_hub_is_left(small_world: tuple[World, str]) -> AsyncIterator[None]:
    """Its threads still note who was where while the database is emptied for the next test."""
    yield
    await drain()


def cookie(client: APIClient) -> list[tuple[bytes, bytes]]:
    name = settings.SESSION_COOKIE_NAME
    return [(b"cookie", f"{name}={client.cookies[name].value}".encode())] if name in client.cookies else []


def bearer(secret: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {secret}".encode())]


@asynccontextmanager
async def knock(
    route: Route, flow_id: str, headers: list[tuple[bytes, bytes]]
) -> AsyncIterator[WebsocketCommunicator]:
    path = route.path.replace("<uuid:flow_id>", flow_id)
    socket = WebsocketCommunicator(application, path, headers=headers)
    try:
        yield socket
    finally:
        await socket.disconnect()


async def is_let_in(route: Route, flow_id: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether somebody listens: refused before, or accepted and closed unheard, both mean no. Who listens
    says what is wrong with a message that no route takes."""
    async with knock(route, flow_id, headers) as socket:
        connected, _ = await socket.connect(timeout=60)
        if not connected:
            return False
        await socket.send_to("not of ours")
        return await closing_code(socket) == MALFORMED


async def test_members_are_let_in_and_nobody_else(route: Route, small_world: tuple[World, str]) -> None:
    world, flow_id = small_world
    answers = {
        name: await is_let_in(route, flow_id, [HOST, ORIGIN, *cookie(client)])
        for name, client in world.everyone().items()
    }
    assert answers == {
        "anonymous": False,
        "owner": True,
        "editor": True,
        "viewer": True,
        "stranger": False,
        "admin": False,
    }


@pytest.mark.parametrize(
    "origin",
    [
        None,
        b"null",
        b"http://evil.example.org",
        b"https://testserver",
        b"http://testserver.evil.org",
        b"http://testserver:81",
    ],
)
async def test_a_page_of_another_origin_is_refused(
    route: Route, small_world: tuple[World, str], origin: bytes | None
) -> None:
    world, flow_id = small_world
    headers = [HOST, *([(b"origin", origin)] if origin else []), *cookie(world.owner.client)]
    assert not await is_let_in(route, flow_id, headers)


async def test_a_program_with_a_token_needs_no_origin(route: Route, small_world: tuple[World, str]) -> None:
    world, flow_id = small_world
    make = sync_to_async(services.token_create)
    _, secret = await make(world.viewer.person, name="t", scopes=[Scope.READ], expires_in_days=1)
    _, useless = await make(world.viewer.person, name="t", scopes=[Scope.MANAGE], expires_in_days=1)
    assert await is_let_in(route, flow_id, [HOST, *bearer(secret)])
    assert not await is_let_in(route, flow_id, [HOST, *bearer(useless)])
    assert not await is_let_in(route, flow_id, [HOST, *bearer("sage_invented"), *cookie(world.owner.client)])


async def test_a_flow_that_does_not_exist_is_closed_like_a_foreign_one(
    route: Route, small_world: tuple[World, str]
) -> None:
    world, _ = small_world
    assert not await is_let_in(route, str(uuid.uuid4()), [HOST, ORIGIN, *cookie(world.owner.client)])


async def closing_code(socket: WebsocketCommunicator) -> int:
    """Why the socket is closed, whatever else is sent before."""
    for _ in range(50):
        output = await socket.receive_output(timeout=60)
        if output["type"] == "websocket.close":
            return int(output["code"])
    return 0


@pytest.mark.parametrize("how", ["removed", "shut out", "password"])
async def test_an_open_socket_dies_with_the_right_behind_it(
    route: Route, small_world: tuple[World, str], how: str
) -> None:
    world, flow_id = small_world
    editor = world.editor.person

    def take_away() -> None:
        if how == "removed":
            workspaces.member_remove(world.owner.person, world.workspace, editor.pk)
        elif how == "shut out":
            services.person_set_active(world.admin.person, editor, is_active=False)
        else:
            editor.set_password("another long secret")
            editor.save()
            services.password_changed(editor)

    async with knock(route, flow_id, [HOST, ORIGIN, *cookie(world.editor.client)]) as socket:
        connected, _ = await socket.connect(timeout=60)
        assert connected
        await sync_to_async(take_away)()
        assert await closing_code(socket)


@pytest.mark.parametrize("how", ["shut out", "revoked"])
async def test_an_open_socket_of_a_program_dies_with_its_token_and_its_person(
    route: Route, small_world: tuple[World, str], how: str
) -> None:
    world, flow_id = small_world
    editor = world.editor.person
    make = sync_to_async(services.token_create)
    token, secret = await make(editor, name="bot", scopes=[Scope.READ], expires_in_days=1)

    def take_away() -> None:
        if how == "revoked":
            services.token_delete(editor, token.pk)
        else:
            services.person_set_active(world.admin.person, editor, is_active=False)

    async with knock(route, flow_id, [HOST, *bearer(secret)]) as socket:
        connected, _ = await socket.connect(timeout=60)
        assert connected
        await sync_to_async(take_away)()
        assert await closing_code(socket)


async def test_a_lowered_role_does_not_close_what_a_viewer_may_see(
    route: Route, small_world: tuple[World, str]
) -> None:
    world, flow_id = small_world
    lower = sync_to_async(workspaces.member_role_set)
    async with knock(route, flow_id, [HOST, ORIGIN, *cookie(world.editor.client)]) as socket:
        connected, _ = await socket.connect(timeout=60)
        assert connected
        await lower(world.owner.person, world.workspace, world.editor.person.pk, Role.VIEWER)
        while not await socket.receive_nothing(timeout=1.5):
            assert (await socket.receive_output())["type"] != "websocket.close"


async def test_an_unknown_address_is_closed_without_a_traceback(route: Route) -> None:
    socket = WebsocketCommunicator(application, "/ws/nothing", headers=[HOST, ORIGIN])
    connected, code = await socket.connect()
    assert (connected, code) == (False, 4404)
