"""The optimiser's report on a flow over HTTP, with what its runs took."""

from __future__ import annotations

import pytest

from apps.executions.adapters.worker import RunWorker
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

SPLIT = {"type": "text_splitter", "config": {}}
TWICE = definition(
    [
        {"id": "start", "type": "manual_trigger", "config": {"text": "One sentence. Another one."}},
        {"id": "docs", "type": "data_map", "config": {"fields": {"text": "{{ item }}"}}},
        {"id": "one", **SPLIT},
        {"id": "two", **SPLIT},
    ],
    ["start:data>docs:items", "docs:items>one:documents", "docs:items>two:documents"],
)


@pytest.mark.django_db
def test_everybody_of_the_workspace_sees_the_report_and_nobody_else(world: World) -> None:
    flow = make_flow(world.editor.person, world.workspace, TWICE)
    url = f"{world.url}/flows/{flow.pk}/optimisation"

    answers = {name: user.client.get(url).status_code for name, user in (
        ("owner", world.owner), ("editor", world.editor), ("viewer", world.viewer),
        ("stranger", world.stranger),
    )}  # fmt: skip

    assert answers == {"owner": 200, "editor": 200, "viewer": 200, "stranger": 404}


@pytest.mark.django_db
def test_the_report_says_what_is_done_once_in_both_languages(world: World) -> None:
    flow = make_flow(world.editor.person, world.workspace, TWICE)

    report = world.viewer.client.get(f"{world.url}/flows/{flow.pk}/optimisation").json()

    shared = next(change for change in report["changes"] if change["kind"] == "shared")
    assert shared["nodes"] == ["one", "two"]
    assert shared["what"]["zh"].startswith("one → two：")
    assert shared["why"]["en"]
    assert report["measured"] is None
    assert {node["source"] for node in report["nodes"]} <= {"type", "category"}


@pytest.mark.django_db(transaction=True)
def test_durations_of_earlier_runs_are_used_and_the_prediction_is_held_against_them(
    transactional_db: None, worker: RunWorker
) -> None:
    people = make_world()
    flow = make_flow(
        people.editor.person, people.workspace, definition([{"id": "start", "type": "manual_trigger"}])
    )
    for _ in range(2):
        run = start(people.editor.person, flow)
        worker.wake()
        assert wait_for(run.pk).state == "completed"

    report = people.viewer.client.get(f"{people.url}/flows/{flow.pk}/optimisation").json()

    assert [(node["id"], node["source"], node["runs"]) for node in report["nodes"]] == [
        ("start", "learned", 2)
    ]
    assert report["measured"]["runs"] == 2
    assert report["measured"]["median_ms"] > 0
    assert report["measured"]["drawn_median_ms"] is None
