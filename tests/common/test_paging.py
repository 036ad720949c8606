"""Cursor paging."""

from __future__ import annotations

import base64
import json
import uuid

import pytest

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


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_cursor_beyond_the_calendar_is_refused(world: World, time: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([time, str(uuid.uuid4())]).encode()).decode()
    for address in ("/api/v1/workspaces", f"{world.url}/runs", f"{world.url}/audit"):
        answer = world.owner.client.get(address, {"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid"), address
