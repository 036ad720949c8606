"""Invitations by link."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.workspaces.invitations import id_in, token_for
from apps.workspaces.models import Invitation, Membership
from tests.world import World


def invite(world: World, **fields: object) -> tuple[str, str]:
    made = world.owner.client.post(f"{world.url}/invitations", {"role": "editor"} | fields).json()
    return made["id"], made["url"].rsplit("/", 1)[1]


def accept(world: World, token: str, who: str = "stranger") -> tuple[int, dict[str, object]]:
    response = getattr(world, who).client.post(f"/api/v1/invitations/{token}/accept")
    return response.status_code, response.json()


def test_a_link_lets_someone_in_with_its_role(world: World) -> None:
    _, token = invite(world)
    status, workspace = accept(world, token)
    assert (status, workspace["role"], workspace["id"]) == (200, "editor", str(world.workspace.pk))
    assert Invitation.objects.get().accepted_count == 1


def test_an_address_longer_than_addresses_are_is_refused(world: World) -> None:
    email = f"a@{'.'.join(['b' * 50] * 5)}.co"
    response = world.owner.client.post(f"{world.url}/invitations", {"role": "editor", "email": email})
    assert (response.status_code, response.json()["errors"][0]["path"]) == (400, "email")


def test_a_member_keeps_the_role_they_have(world: World) -> None:
    _, token = invite(world, role="owner")
    assert accept(world, token, "viewer")[1]["role"] == "viewer"
    assert Invitation.objects.get().accepted_count == 0


def test_the_preview_says_what_one_joins_and_no_more(world: World) -> None:
    _, token = invite(world)
    preview = world.anonymous.get(f"/api/v1/invitations/{token}").json()
    assert set(preview) == {"workspace_name", "inviter_name", "role", "expires_at"}


def test_an_expired_link_is_worthless(world: World) -> None:
    _, token = invite(world)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert accept(world, token)[0] == 404
    assert world.anonymous.get(f"/api/v1/invitations/{token}").status_code == 404


def test_a_deleted_link_is_worthless(world: World) -> None:
    invitation_id, token = invite(world)
    assert world.owner.client.delete(f"{world.url}/invitations/{invitation_id}").status_code == 204
    assert accept(world, token)[0] == 404


def test_a_link_for_one_address_is_for_that_address(world: World) -> None:
    _, token = invite(world, email="Someone.Else@example.org")
    assert accept(world, token)[1]["code"] == "invitation.other_email"
    _, token = invite(world, email="Stranger@example.org")
    assert accept(world, token)[0] == 200


@pytest.mark.parametrize("how", ["demoted", "removed"])
def test_links_of_a_former_owner_stop_working(world: World, how: str) -> None:
    world.owner.client.patch(f"{world.url}/members/{world.editor.person.pk}", {"role": "owner"})
    made = world.editor.client.post(f"{world.url}/invitations", {"role": "owner"}).json()
    target = f"{world.url}/members/{world.editor.person.pk}"
    if how == "demoted":
        world.owner.client.patch(target, {"role": "viewer"})
    else:
        world.owner.client.delete(target)
    assert accept(world, made["url"].rsplit("/", 1)[1])[0] == 404


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43, "A" * 5000, "%00", "../../x"])
def test_invented_links_are_not_found(world: World, token: str) -> None:
    assert id_in(token) is None
    assert world.anonymous.get(f"/api/v1/invitations/{token}").status_code == 404


def test_a_link_cannot_be_made_from_another_ones_id(world: World) -> None:
    invitation_id, token = invite(world)
    other = Invitation.objects.create(
        workspace=world.elsewhere, role="owner", created_by=world.stranger.person, expires_at=timezone.now()
    )
    assert token_for(other.pk)[:20] != token[:20]
    forged = token_for(other.pk)[:22] + token[22:]
    assert id_in(forged) is None
    assert id_in(token) == Invitation.objects.get(pk=invitation_id).pk


@pytest.mark.parametrize(
    "body",
    [
        {"role": "root"},
        {"role": "editor", "expires_in_days": 0},
        {"role": "editor", "expires_in_days": 91},
        {},
    ],
)
def test_bad_invitations_are_refused(world: World, body: dict[str, object]) -> None:
    assert world.owner.client.post(f"{world.url}/invitations", body).status_code == 400


def test_another_workspaces_invitation_cannot_be_deleted(world: World) -> None:
    invitation_id, _ = invite(world)
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}/invitations/{invitation_id}"
    assert world.stranger.client.delete(elsewhere).status_code == 404
    assert Membership.objects.filter(workspace=world.workspace).count() == 3
