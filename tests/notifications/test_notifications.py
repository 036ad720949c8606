"""Notices."""

from __future__ import annotations

import uuid

from apps.notifications import services
from apps.workspaces import services as workspaces
from tests.world import World

TITLE = {"en": "Done", "zh": "完成"}


def told(world: World, name: str) -> list[str]:
    return [
        item["title"] for item in getattr(world, name).client.get("/api/v1/notifications").json()["items"]
    ]


def test_a_notice_is_shown_in_the_readers_language(world: World) -> None:
    world.viewer.client.patch("/api/v1/me", {"language": "zh"})
    services.notify([world.viewer.person.pk, world.editor.person.pk], kind="t", title=TITLE)  # type: ignore[arg-type]
    assert (told(world, "viewer"), told(world, "editor"), told(world, "owner")) == (["完成"], ["Done"], [])


def test_only_members_hear_of_a_workspace(world: World) -> None:
    people = [world.viewer.person.pk, world.stranger.person.pk, uuid.uuid4()]
    count = services.notify(people, kind="t", title=TITLE, workspace_id=world.workspace.pk)  # type: ignore[arg-type]
    assert count == 1
    assert told(world, "stranger") == []


def test_a_whole_workspace_can_be_told(world: World) -> None:
    assert services.notify_workspace(world.workspace.pk, kind="t", title=TITLE) == 3  # type: ignore[arg-type]


def test_who_leaves_no_longer_sees_the_workspaces_notices(world: World) -> None:
    services.notify_workspace(world.workspace.pk, kind="t", title=TITLE)  # type: ignore[arg-type]
    workspaces.member_remove(world.owner.person, world.workspace, world.viewer.person.pk)
    assert told(world, "viewer") == []


def test_an_effect_that_is_repeated_tells_once(world: World) -> None:
    for _ in range(2):
        services.notify([world.viewer.person.pk], kind="t", title=TITLE, dedupe_key="run-1/notify")  # type: ignore[arg-type]
    assert told(world, "viewer") == ["Done"]


def test_reading_marks_only_ones_own(world: World) -> None:
    services.notify_workspace(world.workspace.pk, kind="t", title=TITLE)  # type: ignore[arg-type]
    foreign = world.owner.client.get("/api/v1/notifications").json()["items"][0]["id"]
    assert world.viewer.client.post("/api/v1/notifications/read", {"ids": [foreign]}).json() == {"read": 0}
    assert world.viewer.client.post("/api/v1/notifications/read", {}).json() == {"read": 1}
    assert world.viewer.client.get("/api/v1/notifications").json()["unread"] == 0
    assert world.owner.client.get("/api/v1/notifications").json()["unread"] == 1
