"""Cursor paging."""

from __future__ import annotations

from apps.workspaces import services
from tests.world import World


def test_pages_meet_without_gap_or_overlap(world: World) -> None:
    for number in range(7):
        services.workspace_create(world.owner.person, name=f"W{number}")
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = world.owner.client.get(f"/api/v1/workspaces?limit=3{cursor}").json()
        seen += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["Team", *[f"W{number}" for number in range(7)]]


def test_a_cursor_of_another_list_is_refused_or_harmless(world: World) -> None:
    services.workspace_create(world.owner.person, name="B")
    cursor = world.owner.client.get("/api/v1/workspaces?limit=1").json()["next_cursor"]
    assert world.owner.client.get(f"{world.url}/members?cursor={cursor}x").status_code == 400
