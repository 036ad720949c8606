"""Idempotency-Key."""

from __future__ import annotations

import threading

import pytest
from django.db import connections
from rest_framework.test import APIClient

from apps.workspaces.models import Workspace
from tests.world import World, make_world

KEY = {"Idempotency-Key": "k-1"}


def test_the_second_call_gets_the_first_answer(world: World) -> None:
    first = world.owner.client.post("/api/v1/workspaces", {"name": "Once"}, headers=KEY)
    second = world.owner.client.post("/api/v1/workspaces", {"name": "Once"}, headers=KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Workspace.objects.filter(name="Once").count() == 1


def test_another_body_with_the_same_key_is_refused(world: World) -> None:
    world.owner.client.post("/api/v1/workspaces", {"name": "Once"}, headers=KEY)
    response = world.owner.client.post("/api/v1/workspaces", {"name": "Twice"}, headers=KEY)
    assert (response.status_code, response.json()["code"]) == (422, "request.idempotency_mismatch")


def test_keys_belong_to_a_person(world: World) -> None:
    world.owner.client.post("/api/v1/workspaces", {"name": "A"}, headers=KEY)
    assert world.editor.client.post("/api/v1/workspaces", {"name": "B"}, headers=KEY).status_code == 201


def test_a_refused_call_leaves_the_key_free(world: World) -> None:
    assert world.owner.client.post("/api/v1/workspaces", {"name": ""}, headers=KEY).status_code == 400
    assert world.owner.client.post("/api/v1/workspaces", {"name": "A"}, headers=KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb"])
def test_bad_keys_are_refused(world: World, key: str) -> None:
    response = world.owner.client.post("/api/v1/workspaces", {"name": "A"}, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["code"]) == (400, "request.idempotency_key")


@pytest.mark.django_db(transaction=True)
def test_two_calls_at_once_do_the_work_once() -> None:
    world = make_world()
    statuses: list[int] = []

    def call() -> None:
        client = APIClient()
        client.force_login(world.owner.person)
        statuses.append(client.post("/api/v1/workspaces", {"name": "Race"}, headers=KEY).status_code)
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 4
    assert Workspace.objects.filter(name="Race").count() == 1
