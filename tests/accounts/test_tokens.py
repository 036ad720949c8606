"""API tokens: shown once, stored hashed, scoped, expiring."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.models import ApiToken
from apps.accounts.types import Scope
from tests.world import World


def bearer(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def make(world: World, *scopes: str) -> str:
    body = {"name": "ci", "scopes": list(scopes) or ["read"], "expires_in_days": 30}
    return str(world.owner.client.post("/api/v1/tokens", body).json()["token"])


def test_the_secret_is_shown_once_and_kept_hashed(world: World) -> None:
    secret = make(world)
    assert secret.startswith("sage_")
    listed = world.owner.client.get("/api/v1/tokens").json()["items"][0]
    assert "token" not in listed
    assert secret.startswith(listed["prefix"])
    stored = ApiToken.objects.get()
    assert secret not in str(vars(stored))


def test_a_token_acts_as_its_person_and_remembers_its_use(world: World) -> None:
    secret = make(world, "read")
    assert bearer(secret).get(world.url).json()["role"] == "owner"
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["read"], "get", "/members", 200),
        (["read"], "post", "/invitations", 403),
        (["write"], "post", "/invitations", 403),
        (["manage"], "post", "/invitations", 201),
        (["manage"], "get", "/members", 403),
        (["read"], "get", "/audit", 403),
    ],
)
def test_scopes_limit_what_the_owner_could_do(
    world: World, scopes: list[str], method: str, path: str, status: int
) -> None:
    client = bearer(make(world, *scopes))
    body = {"role": "viewer"} if method == "post" else None
    assert getattr(client, method)(f"{world.url}{path}", body).status_code == status


def test_a_token_never_exceeds_its_persons_role(world: World) -> None:
    _, secret = services.token_create(world.viewer.person, name="x", scopes=list(Scope), expires_in_days=1)
    assert bearer(secret).post(f"{world.url}/invitations", {"role": "viewer"}).status_code == 403


def test_a_token_cannot_make_or_list_tokens(world: World) -> None:
    client = bearer(make(world, *[scope.value for scope in Scope]))
    assert client.get("/api/v1/tokens").status_code == 403
    assert client.post("/api/v1/tokens", {"name": "x", "scopes": ["read"]}).status_code == 403


def test_an_expired_a_deleted_and_an_invented_token_are_nobody(world: World) -> None:
    secret = make(world)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert bearer(secret).get("/api/v1/me").status_code == 401
    second = make(world)
    token_id = ApiToken.objects.latest("created_at").pk
    assert world.owner.client.delete(f"/api/v1/tokens/{token_id}").status_code == 204
    assert bearer(second).get("/api/v1/me").status_code == 401
    assert bearer("sage_nothing").get("/api/v1/me").status_code == 401
    assert bearer("").get("/api/v1/session").status_code == 401


def test_tokens_die_with_their_person(world: World) -> None:
    secret = make(world)
    services.person_set_active(world.admin.person, world.owner.person, is_active=False)
    assert bearer(secret).get("/api/v1/me").status_code == 401


def test_another_persons_token_is_not_found(world: World) -> None:
    make(world)
    assert world.editor.client.delete(f"/api/v1/tokens/{ApiToken.objects.get().pk}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": ["read"], "expires_in_days": 10_000},
        {"scopes": ["read"]},
        {"name": "x", "scopes": "read"},
    ],
)
def test_bad_tokens_are_refused(world: World, body: dict[str, object]) -> None:
    assert world.owner.client.post("/api/v1/tokens", body).status_code == 400


def test_a_person_may_change_only_their_own_name_language_and_color(world: World) -> None:
    changed = world.viewer.client.patch("/api/v1/me", {"name": "Vi", "language": "zh", "color": 3})
    assert (changed.json()["name"], changed.json()["language"], changed.json()["color"]) == ("Vi", "zh", 3)
    for body in ({"is_admin": True}, {"email": "x@y.z"}, {"id": "1"}, {"color": 9}, {"language": "fr"}):
        assert world.viewer.client.patch("/api/v1/me", body).status_code == 400
