"""Accounts connected by OAuth 2, against a real authorization server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections
from rest_framework.test import APIClient

from apps.credentials import services
from apps.credentials.models import Credential, OAuthAttempt
from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.kernel import SageError
from tests.credentials.authorization_server import CLIENT_ID, CLIENT_SECRET, AuthorizationServer
from tests.world import World

T = TypeVar("T")
LOOPBACK = (ip_network("127.0.0.0/8"),)
CALLBACK = "/api/v1/oauth2/callback"


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthorizationServer]:
    """On loopback and without TLS, which the library allows by this word only."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    settings.ALLOW_PRIVATE_NETWORK = list(LOOPBACK)
    with AuthorizationServer() as running:
        yield running


def keep(world: World, server: AuthorizationServer, **fields: str) -> Credential:
    body = {
        "name": "Account",
        "kind": "oauth2",
        "allowed_hosts": ["127.0.0.1"],
        "fields": {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": f"{server.url}/authorize",
            "token_url": f"{server.url}/token",
            "scopes": "read write",
            **fields,
        },
    }
    made = world.owner.client.post(f"{world.url}/credentials", body)
    assert made.status_code == 201, made.content
    return Credential.objects.get(pk=made.json()["id"])


def begin(world: World, credential: Credential, client: APIClient | None = None) -> Any:
    answer = (client or world.owner.client).post(f"{world.url}/credentials/{credential.pk}/connect", {})
    assert answer.status_code == 200, answer.content
    return answer.json()["url"]


def connected(world: World, server: AuthorizationServer, **fields: str) -> Credential:
    credential = keep(world, server, **fields)
    back = world.owner.client.get(CALLBACK, server.authorize(begin(world, credential)))
    assert back["Location"] == f"/w/{world.workspace.pk}/credentials?connected=Account"
    credential.refresh_from_db()
    return credential


def problem_of(answer: Any) -> str:
    assert answer.status_code == 302
    return parse_qs(urlsplit(answer["Location"]).query).get("problem", [""])[0]


def test_an_account_is_connected_and_its_token_used(world: World, server: AuthorizationServer) -> None:
    credential = connected(world, server)
    assert credential.connected_at is not None
    assert OAuthAttempt.objects.count() == 0
    opened = services.credential_for_host(world.workspace.pk, "Account", "127.0.0.1")
    assert opened.fields["access_token"] in server.access_tokens
    tried = world.owner.client.post(
        f"{world.url}/credentials/{credential.pk}/test", {"url": f"{server.url}/me"}
    )
    assert tried.json()["ok"] is True
    listed = world.owner.client.get(f"{world.url}/credentials").content.decode()
    secrets = (CLIENT_SECRET, opened.fields["access_token"], opened.fields["refresh_token"])
    assert not any(secret in listed for secret in secrets)


def test_a_state_works_once_and_only_for_who_began(world: World, server: AuthorizationServer) -> None:
    credential = keep(world, server)
    answer = server.authorize(begin(world, credential))
    assert "does not belong" in problem_of(world.editor.client.get(CALLBACK, answer))
    assert "does not belong" in problem_of(world.owner.client.get(CALLBACK, {**answer, "state": "x" * 43}))
    elsewhere = APIClient()
    elsewhere.force_login(world.owner.person)
    assert "does not belong" in problem_of(elsewhere.get(CALLBACK, answer))
    assert problem_of(world.owner.client.get(CALLBACK, answer)) == ""
    assert "does not belong" in problem_of(world.owner.client.get(CALLBACK, answer))
    assert len([words for words in server.asked if words["grant_type"] == "authorization_code"]) == 1


def test_who_may_connect(world: World, server: AuthorizationServer) -> None:
    credential = keep(world, server)
    url = f"{world.url}/credentials/{credential.pk}/connect"
    assert [who.client.post(url, {}).status_code for who in (world.editor, world.viewer, world.stranger)] == [
        403,
        403,
        404,
    ]
    assert world.anonymous.get(CALLBACK, {"state": "x"}).status_code == 401


def test_a_refusal_of_the_service_is_said(world: World, server: AuthorizationServer) -> None:
    credential = keep(world, server)
    answer = server.authorize(begin(world, credential))
    refused = world.owner.client.get(CALLBACK, {"state": answer["state"], "error": "access_denied"})
    assert "access_denied" in problem_of(refused)
    answer = server.authorize(begin(world, credential))
    server.refuses = "invalid_scope"
    assert "says the server" in problem_of(world.owner.client.get(CALLBACK, answer))
    credential.refresh_from_db()
    assert credential.connected_at is None


def test_an_app_signs_in_by_itself_with_its_secret_in_a_header(
    world: World, server: AuthorizationServer
) -> None:
    server.basic = True
    credential = keep(world, server, grant="client_credentials", client_auth="basic")
    assert begin(world, credential) == ""
    opened = services.credential_for_host(world.workspace.pk, "Account", "127.0.0.1")
    assert opened.fields["access_token"] in server.access_tokens


async def _in_thread(work: Callable[[], T]) -> T:
    def closing() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_threads, closing)


_threads = ThreadPoolExecutor(6)


def fresh_many(opened: Any, count: int) -> list[Any]:
    async def all_at_once() -> list[Any]:
        client = GuardedClient(EgressPolicy(networks=LOOPBACK))
        wishes = (services.token_fresh(_in_thread, client, opened) for _ in range(count))
        return await asyncio.gather(*wishes, return_exceptions=True)

    return asyncio.run(all_at_once())


@pytest.mark.django_db(transaction=True)
def test_many_who_want_a_token_renew_it_once(world: World, server: AuthorizationServer) -> None:
    """The server takes back a refresh token once it is used: a second renewal would fail."""
    server.lasts_s = 1
    credential = connected(world, server)
    server.lasts_s, server.delay_s = 3600, 0.2
    opened = services.credential_open(credential)
    found = fresh_many(opened, 5)
    assert not [one for one in found if isinstance(one, BaseException)]
    assert len({one.fields["access_token"] for one in found}) == 1
    assert found[0].fields["access_token"] != opened.fields["access_token"]
    assert len([words for words in server.asked if words["grant_type"] == "refresh_token"]) == 1


@pytest.mark.django_db(transaction=True)
def test_a_renewal_that_is_refused_is_shown_and_can_be_repeated(
    world: World, server: AuthorizationServer
) -> None:
    server.lasts_s = 1
    credential = connected(world, server)
    server.refresh_tokens.clear()
    (failure,) = fresh_many(services.credential_open(credential), 1)
    assert isinstance(failure, SageError)
    assert failure.code.code == "credential.token_refused"
    credential.refresh_from_db()
    assert "used or unknown" in credential.broken
    assert credential.renewing_until is None
    back = world.owner.client.get(CALLBACK, server.authorize(begin(world, credential)))
    assert "connected=Account" in back["Location"]
    credential.refresh_from_db()
    assert credential.broken == ""


def test_another_place_for_tokens_needs_the_secret_again(world: World, server: AuthorizationServer) -> None:
    credential = connected(world, server)
    url = f"{world.url}/credentials/{credential.pk}"
    moved = {"fields": {"token_url": "https://evil.example/token"}}
    assert world.owner.client.patch(url, moved).json()["code"] == "credential.secret_again"
    moved["fields"]["client_secret"] = "another-secret"
    assert world.owner.client.patch(url, moved).status_code == 200
    credential.refresh_from_db()
    assert credential.connected_at is None
    assert "access_token" not in services.credential_open(credential).fields


@pytest.mark.parametrize("lasts", [float("inf"), 1e300, -1e300])
def test_a_token_that_lasts_beyond_any_date_is_no_fault_of_ours(
    world: World, server: AuthorizationServer, lasts: Any
) -> None:
    credential = keep(world, server)
    server.lasts_s = lasts
    back = world.owner.client.get(CALLBACK, server.authorize(begin(world, credential)))
    assert back.status_code == 302
