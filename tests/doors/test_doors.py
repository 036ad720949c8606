"""A door answers exactly as the ordinary way to the same view does, byte for byte; a slim one answers so or
leaves the request to the view, and it does answer what is in order."""

from __future__ import annotations

import io
import json
import re
import uuid
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services as accounts
from apps.accounts.models import ApiToken, Person
from apps.accounts.types import Scope
from apps.common.adapters import DoorHandler, PooledHandler, prepared
from apps.common.desk import Visit, serve
from apps.common.door import Door, through_doors
from apps.common.middleware import named_request
from apps.common.problems import as_sage_error
from apps.executions.doors import doors
from tests.executions.flows import definition, make_flow
from tests.world import World

BODY = definition([{"id": "start_a1", "type": "manual_trigger"}])
CSRF = "x" * 32
WAYS: dict[str, Any] = {"ordinary": PooledHandler(), "door": DoorHandler()}
taken: list[bool] = []
"""Whether the slim door took each request that came to it."""
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")
_TIMES = re.compile(r"20\d\d-\d\d-\d\dT[0-9:.]+Z")


@dataclass(frozen=True)
class Call:
    """A request as it comes over the wire; ``who`` shows their session."""

    who: str = "editor"
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    csrf: str | None = CSRF
    raw: bytes | None = None
    query: bytes = b""


def shown(text: str) -> str:
    """What differs between any two runs is taken out."""
    return _TIMES.sub("<time>", _IDS.sub("<id>", text))


def ask(way: str, world: World, call: Call, *, method: str = "POST", path: str = "/runs") -> dict[str, Any]:
    """The whole answer; whatever was done is undone. ``slim`` falls back on the door, as the product does."""
    body = json.dumps(call.body).encode() if call.raw is None else call.raw
    client: APIClient = world.everyone()[call.who]
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    given = {"host": "testserver", "content-type": "application/json", "accept": "*/*", "user-agent": "t"}
    if call.csrf is not None:
        cookies["csrftoken"] = CSRF
        given["x-csrftoken"] = call.csrf
    if cookies:
        given["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    given |= {"content-length": str(len(body)), **call.headers}
    scope = {
        "type": "http",
        "method": method,
        "path": f"{world.url}{path}",
        "query_string": call.query,
        "client": ["127.0.0.1", 9],
        "server": ["testserver", 80],
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items() if value],
    }
    with transaction.atomic():
        if way == "slim" and (answer := ask_slim(scope, body)) is not None:
            transaction.set_rollback(True)
            return answer
        behind = WAYS["door" if way == "slim" else way]
        response: Any = behind.get_response(ASGIRequest(scope, io.BytesIO(body)))
        transaction.set_rollback(True)
    headers = {name: shown(value) for name, value in response.items()}
    return {
        "status": response.status_code,
        "headers": headers,
        "cookies": sorted(response.cookies),
        "body": shown(response.content.decode()),
    }


def ask_slim(scope: dict[str, Any], body: bytes) -> dict[str, Any] | None:
    """What the slim door answers, if it does, in this thread and transaction."""
    found = [(door, match) for door in doors if (match := door.match(scope)) is not None]
    if not found or found[0][0].prepare is None:
        return None
    request = ASGIRequest(scope, io.BytesIO(body))
    with named_request(request) as request_id:
        visit = Visit(partial(prepared, *found[0], request, copy_context()))
        serve([visit])
    assert visit.error is None or as_sage_error(visit.error) is not None, visit.error
    taken.append(visit.result is not None)
    if visit.result is None:
        return None
    headers = {name.decode(): value.decode() for name, value in visit.result.all_headers(request_id)}
    return {
        "status": visit.result.status,
        "headers": {name: shown(value) for name, value in headers.items()},
        "cookies": [],
        "body": shown(visit.result.body.decode()),
    }


def bearer(person: Person, *scopes: Scope, expired: bool = False) -> dict[str, str]:
    token, secret = accounts.token_create(person, name="t", scopes=list(scopes), expires_in_days=1)
    if expired:
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
    return {"authorization": f"Bearer {secret}"}


def same(world: World, call: Call, **where: str) -> dict[str, Any]:
    taken.clear()
    ordinary, door, slim = (ask(way, world, call, **where) for way in (*WAYS, "slim"))
    assert door == ordinary
    assert slim == ordinary
    assert not any(taken) or ordinary["status"] == 202
    return door


@pytest.fixture
def flow_id(world: World) -> str:
    return str(make_flow(world.editor.person, world.workspace, BODY).pk)


@pytest.mark.parametrize(
    ("who", "status"),
    [("anonymous", 401), ("stranger", 404), ("viewer", 403), ("editor", 202), ("owner", 202), ("admin", 404)],
)
def test_everyone_is_answered_alike(world: World, flow_id: str, who: str, status: int) -> None:
    answer = same(world, Call(who, {"flow_id": flow_id, "inputs": {"q": 1}}))
    assert answer["status"] == status
    assert answer["headers"]["Vary"] == "Accept-Language, Cookie"
    assert taken == [status == 202]
    assert same(world, Call(who, raw=b"not json"))["status"] in (400, 401)


@pytest.mark.parametrize("csrf", [None, "", "short", "y" * 32])
def test_a_session_without_the_anti_forgery_token_is_refused_alike(
    world: World, flow_id: str, csrf: str | None
) -> None:
    answer = same(world, Call(body={"flow_id": flow_id}, csrf=csrf))
    assert (answer["status"], json.loads(answer["body"])["code"]) == (403, "auth.csrf")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://testserver"])
def test_origins_are_judged_alike(world: World, flow_id: str, origin: str) -> None:
    answer = same(world, Call(body={"flow_id": flow_id}, headers={"origin": origin}))
    assert answer["status"] == (202 if origin == "http://testserver" else 403)


def test_tokens_are_judged_alike(world: World, flow_id: str) -> None:
    editor = world.editor.person
    call = Call("anonymous", {"flow_id": flow_id}, csrf=None)
    expected = [
        (bearer(editor, Scope.RUN), 202),
        (bearer(editor, Scope.READ), 403),
        (bearer(editor, Scope.RUN, expired=True), 401),
        (bearer(world.viewer.person, Scope.RUN), 403),
        (bearer(world.stranger.person, Scope.RUN), 404),
        ({"authorization": "Bearer sage_nonsense"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Basic eDp5"}, 401),
    ]
    for headers, status in expected:
        assert same(world, replace(call, headers=headers))["status"] == status, headers
        assert taken == [status == 202]


def test_a_session_that_has_ended_is_refused_alike(world: World, flow_id: str) -> None:
    person = world.editor.person
    person.set_password("another long password")
    person.save()
    assert same(world, Call(body={"flow_id": flow_id}))["status"] == 401
    world.owner.client.session.delete()
    assert same(world, Call("owner", {"flow_id": flow_id}))["status"] == 401


def test_a_person_shut_out_is_refused_alike(world: World, flow_id: str) -> None:
    accounts.person_set_active(world.admin.person, world.editor.person, is_active=False)
    assert same(world, Call(body={"flow_id": flow_id}))["status"] == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"raw": b'{"flow_id": "x"}'},
        {"raw": b"[]"},
        {"raw": b""},
        {"raw": b'{"flow_id": 1, "flow_id": 2}'},
        {"raw": b'{"inputs": NaN}'},
        {"raw": b"\xff"},
        {"raw": b"[" * 100},
        {"raw": b'"' + b"x" * (5 * 1024 * 1024) + b'"'},
        {"body": {"flow_id": str(uuid.UUID(int=7))}},
        {"body": {"flow_id": "FLOW", "version": 0}},
        {"body": {"flow_id": "FLOW", "version": 3}},
        {"body": {"flow_id": "FLOW", "surprise": 1}},
        {"body": {"flow_id": "FLOW", "inputs": []}},
        {"body": {"flow_id": "FLOW", "inputs": {"q": "x" * (1 << 20)}}},
        {"body": {"flow_id": "FLOW"}, "headers": {"content-type": "text/plain"}},
        {"body": {"flow_id": "FLOW"}, "headers": {"content-type": ""}},
        {"body": {"flow_id": "FLOW"}, "headers": {"content-type": "application/json; charset=utf-8"}},
        {"body": {"flow_id": "FLOW"}, "headers": {"accept": "text/html"}},
        {"body": {"flow_id": "FLOW"}, "headers": {"accept-language": "zh-CN,zh;q=0.9"}},
        {"body": {"flow_id": "NO"}, "headers": {"accept-language": "zh-CN,zh;q=0.9"}, "who": "anonymous"},
        {"body": {"flow_id": "FLOW"}, "headers": {"host": "evil.example"}},
        {"body": {"flow_id": "FLOW"}, "headers": {"x-request-id": "mine-12345678"}},
        {"body": {"flow_id": "FLOW"}, "headers": {"idempotency-key": "once"}},
        {"body": {"flow_id": "FLOW"}, "headers": {"idempotency-key": "x" * 201}},
        {"body": {"flow_id": "FLOW"}, "headers": {"cookie": "sessionid=nonsense; csrftoken=short"}},
        {"body": {"flow_id": "FLOW"}, "query": b"format=xml"},
    ],
    ids=str,
)
def test_every_kind_of_request_is_answered_alike(world: World, flow_id: str, changes: dict[str, Any]) -> None:
    body = {name: flow_id if value == "FLOW" else value for name, value in changes.get("body", {}).items()}
    answer = same(world, Call(**{**changes, "body": body}))
    assert answer["status"] < 500


def test_a_chinese_person_is_answered_in_chinese_alike(world: World) -> None:
    Person.objects.filter(pk=world.editor.person.pk).update(language="zh")
    answer = same(world, Call(body={"flow_id": str(uuid.UUID(int=7))}))
    assert answer["headers"]["Content-Language"] == "zh-hans"
    assert "未找到" in answer["body"]


def test_one_run_is_read_alike_by_everyone(world: World, flow_id: str) -> None:
    run = world.editor.client.post(f"{world.url}/runs", {"flow_id": flow_id}).json()
    call = Call(csrf=None)
    for who, status in {"viewer": 200, "editor": 200, "stranger": 404, "anonymous": 401}.items():
        assert (
            same(world, replace(call, who=who), method="GET", path=f"/runs/{run['id']}")["status"] == status
        )
    for path in ("/runs/x", f"/runs/{uuid.UUID(int=7)}"):
        assert same(world, call, method="GET", path=path)["status"] == 404
    token = replace(call, who="anonymous", headers=bearer(world.viewer.person, Scope.READ))
    assert same(world, token, method="GET", path=f"/runs/{run['id']}")["status"] == 200


@pytest.mark.parametrize(
    ("method", "path", "is_hot"),
    [
        ("POST", "/runs", True),
        ("GET", "/runs", False),
        ("GET", "/runs/x", True),
        ("GET", "/runs/x/events", False),
        ("POST", "/runs/x/commands", False),
        ("POST", "/flows", False),
    ],
)
async def test_only_hot_addresses_go_through_the_door(method: str, path: str, is_hot: bool) -> None:
    ways: list[str] = []

    async def slim(scope: Any, receive: Any, send: Any, door: Door, match: re.Match[str]) -> None:
        ways.append("slim")

    async def hot(scope: Any, receive: Any, send: Any) -> None:
        ways.append("door")

    async def rest(scope: Any, receive: Any, send: Any) -> None:
        ways.append("ordinary")

    scope = {"method": method, "path": f"/api/v1/workspaces/{uuid.UUID(int=1)}{path}"}
    await through_doors(doors, slim, hot, rest)(scope, None, None)
    assert ways == [("slim" if method == "POST" else "door") if is_hot else "ordinary"]


def test_doors_do_without_middleware_only_that_changes_no_answer_of_the_api() -> None:
    left_out = [name for name in settings.MIDDLEWARE if name not in settings.DOOR_MIDDLEWARE]
    assert left_out == [
        "apps.common.adapters.stream_in_constant_memory",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "apps.common.middleware.strict_json_outside_the_api",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ]
