"""Health, the single-page app, headers, and answers to hostile requests."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings
from structlog.testing import capture_logs

from tests.world import World


@pytest.mark.django_db
def test_health_and_readiness_answer_anyone(client: Client) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (200, "ok")


def test_health_touches_no_database(client: Client) -> None:
    """No ``db`` fixture here: a query would raise."""
    assert client.get("/healthz").status_code == 200


def test_every_address_of_the_app_is_the_same_page(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><p>studio")
    settings.FRONTEND_DIST = tmp_path
    for path in ("/", "/sign-in", "/w/1/flows/2", "/templates"):
        response = client.get(path)
        assert response.status_code == 200
        assert b"studio" in response.content
        assert response["Cache-Control"] == "no-cache"


def test_without_a_built_front_end_the_page_says_what_to_do(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.FRONTEND_DIST = tmp_path
    response = client.get("/")
    assert response.status_code == 503
    assert b"make run" in response.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/nothing", "/assets/gone.js", "/_allauth/browser/v1/x"]
)
def test_unknown_addresses_outside_the_app_are_problems(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"


@pytest.mark.django_db
def test_security_headers_are_on_every_answer(client: Client) -> None:
    for path in ("/healthz", "/api/v1/session", "/api/v1/nothing", "/sign-in"):
        response = client.get(path)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Robots-Tag"] == "noindex"


@pytest.mark.django_db
def test_an_address_that_lets_people_in_is_not_in_the_log(client: Client) -> None:
    token = "vFF3wU8iQduZJ2PhiRkDHkhK02Xf2dBMWy92A2iggiA"
    roots = ("/shared", "/invite", "/api/v1/shared", "/api/v1/invitations")
    with capture_logs() as lines:
        for root in roots:
            client.get(f"{root}/{token}")
        client.get(f"/w/{uuid.uuid4()}/runs")
    assert token not in repr(lines)
    told = [line["path"] for line in lines if line["event"] == "request_finished"]
    assert told[:-1] == [f"{root}/…" for root in roots]
    assert told[-1].endswith("/runs")


@pytest.mark.django_db
def test_the_request_id_is_given_back_when_it_is_harmless(client: Client) -> None:
    assert (
        client.get("/healthz", headers={"X-Request-ID": "abcDEF-123456"})["X-Request-ID"] == "abcDEF-123456"
    )
    assert client.get("/healthz", headers={"X-Request-ID": "a b\x01"})["X-Request-ID"] != "a b\x01"


@pytest.mark.django_db
def test_an_unknown_host_is_refused(client: Client) -> None:
    assert client.get("/api/v1/session", headers={"host": "evil.example.org"}).status_code == 400


@pytest.mark.django_db
def test_errors_speak_the_readers_language(client: Client) -> None:
    chinese = client.get("/api/v1/me", headers={"Accept-Language": "zh-CN"}).json()
    english = client.get("/api/v1/me", headers={"Accept-Language": "en"}).json()
    assert (chinese["code"], english["code"]) == ("auth.required", "auth.required")
    assert chinese["title"] == "您尚未登录。"
    assert english["hint"] == "Sign in and try again."
    assert english["type"] == f"/help/errors/{english['number']}"


def test_a_signed_in_persons_language_wins(world: World) -> None:
    world.viewer.client.patch("/api/v1/me", {"language": "zh"})
    assert (
        world.viewer.client.get(f"{world.url}/audit", headers={"Accept-Language": "en"})
        .json()["title"]
        .startswith("您")
    )


HOSTILE_BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"{",
    b'{"name": "a", "name": "b"}',
    b'{"name": "a\\u0000b"}',
    b'{"name": "\\ud800"}',
    b'{"name": ' + b"9" * 5000 + b"}",
    b'{"name": 1e999}',
    b'{"name": {"a": ["b"]}}',
    b'{"name": "' + b"x" * 100_000 + b'"}',
    b"\xff\xfe\x00",
    b"[" * 200_000,
    b'{"__class__": "x", "name": "a"}',
    b'{"name": null}',
    b'{"name": "  "}',
]


@pytest.mark.parametrize("body", HOSTILE_BODIES, ids=range(len(HOSTILE_BODIES)))
def test_hostile_bodies_are_client_errors_with_a_place(world: World, body: bytes) -> None:
    response = world.owner.client.post("/api/v1/workspaces", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["code"] in ("request.not_json", "request.invalid")


def test_a_body_over_the_limit_is_refused(world: World) -> None:
    body = json.dumps({"name": "x" * (7 * 1024 * 1024)})
    response = world.owner.client.post("/api/v1/workspaces", data=body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (413, "request.too_large")


def test_an_unknown_key_is_named(world: World) -> None:
    response = world.owner.client.post("/api/v1/workspaces", {"name": "a", "owner": "me"})
    assert response.json()["errors"][0] == {
        "path": "owner",
        "code": "unknown_key",
        "message": "This key is not known here.",
    }


def test_other_media_types_are_refused(world: World) -> None:
    response = world.owner.client.post(
        "/api/v1/workspaces", data="name=a", content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 415


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=%00", "cursor=W10", "limit=0", "limit=201", "limit=-1", "limit=x", "limit=%D9%A1"],
)
def test_bad_paging_is_a_client_error(world: World, query: str) -> None:
    assert world.owner.client.get(f"/api/v1/workspaces?{query}").status_code == 400


@pytest.mark.parametrize("query", ["reason=%00", "flow_id=a%00b", "x%00=1"])
def test_an_address_with_a_nul_is_a_client_error(world: World, query: str) -> None:
    assert world.owner.client.get(f"{world.url}/runs?{query}").status_code == 400


@pytest.mark.parametrize(
    "path", ["/api/v1/workspaces/not-a-uuid", "/api/v1/workspaces/%00", "/api/v1/invitations/%ff%00"]
)
def test_bad_ids_are_not_found(world: World, path: str) -> None:
    assert world.owner.client.get(path).status_code in (400, 404)


def test_a_cross_site_post_without_the_token_is_refused(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.owner.person)
    response = browser.post("/api/v1/workspaces", data={"name": "a"}, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (403, "auth.csrf")
