"""Who is in which flow, for lists: written while it lasts, forgotten when it ends."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.collaboration.models import FlowVisit
from apps.collaboration.services.visits import Visit, visits_note
from apps.flows.models import Flow
from apps.flows.services import flow_create
from tests.world import Someone, World


def visit(flow: Flow, someone: Someone) -> Visit:
    return flow.pk, someone.person.pk


def present(world: World, client: str = "viewer") -> dict[str, list[str]]:
    answer = getattr(world, client).client.get(f"{world.url}/presence")
    assert answer.status_code == 200
    return {item["flow_id"]: [person["name"] for person in item["people"]] for item in answer.json()["items"]}


def test_members_see_who_is_in_which_flow_until_they_go(world: World) -> None:
    one = flow_create(person=world.owner.person, workspace=world.workspace, name="One")
    other = flow_create(person=world.owner.person, workspace=world.workspace, name="Other")
    here = {visit(one, world.owner), visit(one, world.editor), visit(other, world.owner)}
    visits_note(here, set())
    visits_note(here, set())
    found = present(world)
    assert sorted(found[str(one.pk)]) == ["Editor", "Owner"]
    assert found[str(other.pk)] == ["Owner"]
    visits_note({visit(one, world.owner)}, {visit(one, world.editor), visit(other, world.owner)})
    assert present(world) == {str(one.pk): ["Owner"]}


def test_a_process_that_died_is_not_believed_for_long(world: World) -> None:
    flow = flow_create(person=world.owner.person, workspace=world.workspace, name="Left")
    visits_note({visit(flow, world.owner)}, set())
    FlowVisit.objects.update(seen_at=timezone.now() - timedelta(seconds=30))
    assert present(world) == {}


def test_outsiders_see_nobody_and_are_not_seen(world: World) -> None:
    flow = flow_create(person=world.owner.person, workspace=world.workspace, name="Ours")
    theirs = flow_create(person=world.stranger.person, workspace=world.elsewhere, name="Theirs")
    visits_note({visit(flow, world.stranger), visit(theirs, world.stranger)}, set())
    assert present(world) == {}
    assert world.stranger.client.get(f"{world.url}/presence").status_code == 404
