"""Budgets on the server: a run pauses before it spends too much, a person raises it, children count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from apps.executions import budgets
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, Run
from apps.executions.optimisation_selectors import run_cheaper_nodes
from sage_studio.flow import parse_plain
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.executions.test_waiting import until
from tests.servers.http import Answer, ScriptedServer
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)

START = {"id": "start_a1", "type": "manual_trigger"}
# 100 tokens in and 1,000 out, at 1 and 5 dollars a million.
ONE_CALL = 5_100
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-test",
    "content": [{"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 100, "output_tokens": 1_000},
}


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def model() -> Iterator[ScriptedServer]:
    with (
        ScriptedServer() as server,
        override_settings(ANTHROPIC_API_KEY="instance-key", ANTHROPIC_BASE_URL=server.url),
    ):
        server.answers["/v1/messages"] = Answer(200, MESSAGE)
        yield server


def asking(count: int, **budget: Any) -> dict[str, Any]:
    """Prompts side by side."""
    config = {"prompt": "Yes?", "model": "claude-haiku-test", "max_tokens": 1_000}
    prompts = [{"id": f"llm_{number}", "type": "llm", "config": config} for number in range(count)]
    return definition([START, *prompts], settings={"budget": budget} if budget else {})


def shown(people: World, run: Run, who: str = "editor") -> dict[str, Any]:
    answer: dict[str, Any] = people.everyone()[who].get(f"{people.url}/runs/{run.pk}").json()
    return answer


def test_a_run_pauses_at_its_budget_and_goes_on_where_it_stood_once_it_is_raised(
    people: World, worker: RunWorker, model: ScriptedServer
) -> None:
    flow = make_flow(people.editor.person, people.workspace, asking(3, amount=1, currency="USD"))
    run = start(people.editor.person, flow)
    worker.wake()
    paused = wait_for(run.pk)
    assert (paused.state, paused.reason) == ("paused", "budget")
    seen = shown(people, run, "viewer")
    assert seen["cost"] == {"micros": ONE_CALL, "currency": "USD"}
    assert seen["budget"] == {"amount": 1, "currency": "USD"}
    assert seen["error"]["code"] == "budget.reached"

    path = f"{people.url}/runs/{run.pk}/commands"
    clients = people.everyone()
    assert clients["viewer"].post(path, {"command": "resume", "budget": 2}).status_code == 403
    assert clients["editor"].post(path, {"command": "pause", "budget": 2}).status_code == 400
    refused = clients["editor"].post(path, {"command": "resume", "budget": 1})
    assert (refused.status_code, refused.json()["code"]) == (422, "budget.not_raised")
    assert clients["editor"].post(path, {"command": "resume", "budget": 2}).status_code == 202
    worker.wake()
    ended = wait_for(run.pk, "completed", "failed")
    assert ended.state == "completed", ended.error
    assert len(model.asked) == 3
    assert ended.cost_micros == 3 * ONE_CALL
    costs = [row.resources["cost"]["micros"] for row in NodeRun.objects.filter(run=run) if row.resources]
    assert costs == [ONE_CALL] * 3


def test_what_children_spend_counts_towards_their_parent_and_its_budget(
    people: World, worker: RunWorker, model: ScriptedServer
) -> None:
    child = make_flow(people.editor.person, people.workspace, asking(1), "Child")
    body = definition(
        [
            {"id": "each", "type": "map_each", "config": {"items": [1, 2, 3], "parallelism": 1}},
            {"id": "call", "type": "sub_flow", "parent": "each", "config": {"flow": str(child.pk)}},
        ],
        settings={"budget": {"amount": 1, "currency": "USD"}},
    )
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body, "Parent"))
    worker.wake()
    until(lambda: run.children.filter(state="paused", reason="budget").exists())
    first, second = run.children.order_by("created_at")
    assert (first.state, second.state) == ("completed", "paused")
    assert shown(people, run)["cost"]["micros"] == ONE_CALL
    assert Run.objects.get(pk=run.pk).cost_micros == 0
    # Raised at the child, it is the parent's: the child has none of its own.
    path = f"{people.url}/runs/{second.pk}/commands"
    assert people.everyone()["editor"].post(path, {"command": "resume", "budget": 5}).status_code == 202
    worker.wake()
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert ended.budget == {"amount": 5, "currency": "USD"}
    listed = people.everyone()["viewer"].get(f"{people.url}/runs").json()["items"]
    assert [(one["id"], one["cost"]["micros"]) for one in listed] == [(str(run.pk), 3 * ONE_CALL)]


def test_the_budget_that_leaves_least_is_the_one_that_is_raised(
    people: World, worker: RunWorker, model: ScriptedServer
) -> None:
    child = make_flow(people.editor.person, people.workspace, asking(1, amount=100, currency="USD"), "Child")
    body = definition(
        [
            {"id": "each", "type": "map_each", "config": {"items": [1, 2], "parallelism": 1}},
            {"id": "call", "type": "sub_flow", "parent": "each", "config": {"flow": str(child.pk)}},
        ],
        settings={"budget": {"amount": 1, "currency": "USD"}},
    )
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body, "Parent"))
    worker.wake()
    until(lambda: run.children.filter(state="paused", reason="budget").exists())
    paused = run.children.get(state="paused")
    # It has a budget of its own with room; what stopped it is its parent's.
    assert shown(people, paused)["budget_in_force"] == {"amount": 1, "currency": "USD"}
    # The parent only waits, and is where people look first.
    path = f"{people.url}/runs/{run.pk}/commands"
    editor = people.everyone()["editor"]
    assert editor.post(path, {"command": "resume"}).status_code == 409
    assert editor.post(path, {"command": "resume", "budget": 5}).status_code == 202
    worker.wake()
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert ended.budget == {"amount": 5, "currency": "USD"}
    assert Run.objects.get(pk=paused.pk).budget == {"amount": 100, "currency": "USD"}


def test_costs_in_different_currencies_are_not_added_up(people: World) -> None:
    flow = make_flow(people.editor.person, people.workspace, asking(1, amount=1, currency="USD"))
    parent, yuan, dollars = (start(people.editor.person, flow) for _ in range(3))
    for child, micros, currency in ((yuan, 70, "CNY"), (dollars, 9, "USD")):
        Run.objects.filter(pk=child.pk).update(
            parent_run_id=parent.pk, parent_path=currency, cost_micros=micros, cost_currency=currency
        )
    assert budgets.costs_of([parent.pk]) == {parent.pk: (70, "CNY")}
    assert [allowed.elsewhere_micros for allowed in budgets.run_allowances(parent.pk)] == [9]
    Run.objects.filter(pk=parent.pk).update(cost_micros=1, cost_currency="USD")
    assert budgets.costs_of([parent.pk, yuan.pk]) == {parent.pk: (10, "USD"), yuan.pk: (70, "CNY")}
    assert [allowed.elsewhere_micros for allowed in budgets.run_allowances(parent.pk)] == [9]


PRICE = {"model": "claude-haiku-test", "currency": "CNY", "input_micros": 7, "output_micros": 36_000_000}


def test_a_workspace_sets_its_own_prices(people: World) -> None:
    clients, path = people.everyone(), f"{people.url}/prices"
    assert clients["viewer"].get(path).json()["items"] == []
    assert clients["editor"].put(path, {"items": [PRICE]}).status_code == 403
    assert clients["owner"].put(path, {"items": [PRICE, PRICE]}).status_code == 400
    assert clients["owner"].put(path, {"items": [PRICE]}).json()["items"] == [PRICE]
    # What the cache of a Claude model costs is a share of its input.
    caches = {"cache_read_micros": 0, "cache_write_micros": 8}
    assert budgets.model_price(people.workspace.pk, "claude-haiku-test") == {**PRICE, **caches}
    listed = budgets.model_price(people.workspace.pk, "claude-haiku-other")
    assert listed is not None
    assert listed["currency"] == "USD"
    assert budgets.model_price(people.workspace.pk, "unheard-of") is None


def test_the_report_and_the_choice_of_models_go_by_the_prices_and_the_budget_of_today(
    people: World, worker: RunWorker, model: ScriptedServer
) -> None:
    body = asking(1, amount=1, currency="USD")
    body["nodes"][1]["config"]["cheaper_model"] = "cheap"
    flow = make_flow(people.editor.person, people.workspace, body)
    run = start(people.editor.person, flow)
    worker.wake()
    assert wait_for(run.pk).state == "completed"
    url, document = f"{people.url}/flows/{flow.pk}/optimisation", parse_plain(body)

    def seen() -> dict[str, Any]:
        costs: dict[str, Any] = people.everyone()["viewer"].get(url).json()["costs"]
        return costs

    assert seen()["nodes"][0]["micros"] == ONE_CALL
    dear = {"model": "claude-haiku-test", "currency": "USD", "input_micros": 0, "output_micros": 90_000_000}
    cheap = {**dear, "model": "cheap", "output_micros": 1_000_000}
    people.everyone()["owner"].put(f"{people.url}/prices", {"items": [dear, cheap]})
    assert (seen()["nodes"][0]["micros"], seen()["measured_micros"]) == (90_000, ONE_CALL)
    assert run_cheaper_nodes(run.pk, document) == {"llm_0"}
    Run.objects.filter(pk=run.pk).update(budget={"amount": 100, "currency": "USD"})
    assert run_cheaper_nodes(run.pk, document) == frozenset()
    people.everyone()["owner"].put(f"{people.url}/prices", {"items": [{**dear, "currency": "CNY"}]})
    assert seen()["measured_micros"] == ONE_CALL
