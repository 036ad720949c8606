"""Workspaces, members and roles."""

from __future__ import annotations

import contextlib
import threading
import uuid

import pytest
from django.db import connections

from apps.accounts import events as account_events
from apps.audit import selectors as audit
from apps.common.models import OutboxEvent
from apps.workspaces import events, services
from apps.workspaces.models import Membership, Workspace
from apps.workspaces.types import Role
from sage_studio.kernel import SageError
from tests.world import World, make_world


def member(world: World, name: str) -> str:
    return f"{world.url}/members/{getattr(world, name).person.pk}"


def test_members_are_listed_with_roles(world: World) -> None:
    items = world.viewer.client.get(f"{world.url}/members").json()["items"]
    assert {(item["person"]["email"], item["role"]) for item in items} == {
        ("owner@example.org", "owner"),
        ("editor@example.org", "editor"),
        ("viewer@example.org", "viewer"),
    }


def test_an_owner_changes_a_role_and_it_is_announced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.common import events as domain

    monkeypatch.setattr(domain, "_handlers", {events.MEMBER_ROLE_CHANGED: {"t": lambda _: None}})
    assert world.owner.client.patch(member(world, "viewer"), {"role": "editor"}).json()["role"] == "editor"
    assert OutboxEvent.objects.get().payload == {
        "workspace_id": str(world.workspace.pk),
        "person_id": str(world.viewer.person.pk),
        "role": "editor",
    }


@pytest.mark.django_db(transaction=True)
def test_open_sockets_are_hinted_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    hints: list[tuple[str, bytes]] = []
    monkeypatch.setattr("apps.common.bus.publish", lambda channel, payload: hints.append((channel, payload)))
    services.member_role_set(world.owner.person, world.workspace, world.editor.person.pk, Role.VIEWER)
    assert hints == [(account_events.ACCESS_CHANNEL, str(world.editor.person.pk).encode())]


def test_the_last_owner_stays(world: World) -> None:
    for response in (
        world.owner.client.patch(member(world, "owner"), {"role": "editor"}),
        world.owner.client.delete(member(world, "owner")),
        world.owner.client.post(f"{world.url}/leave"),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "workspace.last_owner")


def test_with_a_second_owner_the_first_may_go(world: World) -> None:
    world.owner.client.patch(member(world, "editor"), {"role": "owner"})
    assert world.owner.client.post(f"{world.url}/leave").status_code == 204
    assert world.owner.client.get(world.url).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_leave_one() -> None:
    world = make_world()
    services.member_role_set(world.owner.person, world.workspace, world.editor.person.pk, Role.OWNER)
    pairs = [(world.owner.person, world.editor.person), (world.editor.person, world.owner.person)]

    def remove(number: int) -> None:
        actor, target = pairs[number]
        with contextlib.suppress(SageError):
            services.member_remove(actor, world.workspace, target.pk)
        connections.close_all()

    threads = [threading.Thread(target=remove, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Membership.objects.filter(workspace=world.workspace, role=Role.OWNER).count() == 1


def test_a_removed_member_sees_nothing_any_more(world: World) -> None:
    assert world.editor.client.get(world.url).status_code == 200
    assert world.owner.client.delete(member(world, "editor")).status_code == 204
    assert world.editor.client.get(world.url).status_code == 404


def test_a_person_who_is_no_member_is_not_found(world: World) -> None:
    for person_id in (uuid.uuid4(), world.stranger.person.pk):
        assert world.owner.client.delete(f"{world.url}/members/{person_id}").status_code == 404


def test_a_workspace_is_renamed_and_deleted_by_its_owner(world: World) -> None:
    assert world.owner.client.patch(world.url, {"name": "Crew"}).json()["name"] == "Crew"
    assert world.owner.client.delete(world.url).status_code == 204
    assert not Workspace.objects.filter(pk=world.workspace.pk).exists()
    assert world.owner.client.get(world.url).status_code == 404
    assert audit.first_broken(str(world.workspace.pk)) is None


def test_a_personal_workspace_cannot_be_deleted(world: World) -> None:
    own = services.personal_workspace_create(world.owner.person)
    response = world.owner.client.delete(f"/api/v1/workspaces/{own.pk}")
    assert (response.status_code, response.json()["code"]) == (409, "workspace.personal")


def test_higher_apps_fill_a_new_workspace_before_anyone_sees_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        events, "_created", [lambda workspace, person: seen.append(f"{workspace.name} {person.name}")]
    )
    world.owner.client.post("/api/v1/workspaces", {"name": "New"})
    assert seen == ["New Owner"]


def test_the_list_shows_role_and_size(world: World) -> None:
    assert [
        (item["name"], item["role"], item["member_count"])
        for item in world.viewer.client.get("/api/v1/workspaces").json()["items"]
    ] == [("Team", "viewer", 3)]
