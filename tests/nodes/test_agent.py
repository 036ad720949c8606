"""The agent against a scripted model: what it may do, where it stops, and what it cannot be talked into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sage_studio.engine import MemoryRunStore, RunResult, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, text
from tests.servers.models import KEY, ModelServer, Said

DEEDS: list[Any] = []


class Deed(Node):
    """Does something that is remembered; fails when it is told to."""

    spec: ClassVar = NodeSpec(
        id="deed",
        name=text("Deed", "动作"),
        description=text("Test node", "测试节点"),
        category="utility",
        icon="list",
        effect="at_most_once",
        outputs=(Port(name="value", label=text("", "")),),
        config=(
            Field(name="what", type="any", label=text("", "")),
            Field(name="gives", type="any", label=text("", "")),
        ),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        DEEDS.append(ctx.config["what"])
        if ctx.config["what"] == "fail":
            raise NodeError.plain("the shop is shut")
        return {"value": ctx.config.get("gives") or f"done: {ctx.config['what']}"}


REGISTRY = NodeRegistry((*BUILTIN_NODES, Deed))
WEATHER = {
    "node": "weather",
    "name": "weather",
    "description": "The weather of a city",
    "parameters": {"city": "where"},
}
PAY = {"node": "pay", "name": "pay", "parameters": {"to": "whom", "cents": "integer: how much"}}


@pytest.fixture
def model() -> Iterator[ModelServer]:
    DEEDS.clear()
    with ModelServer() as server:
        yield server


@pytest.fixture
def asking(tmp_path: Path, model: ModelServer) -> Iterator[LocalHost]:
    environ = {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": model.url,
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
    }
    with LocalHost(folder=tmp_path, environ=environ) as host:
        yield host


def flow(gives: Any = None, **config: Any) -> dict[str, Any]:
    settings = {"task": "Do it.", "tools": [WEATHER, PAY], "model": "claude-haiku-test", **config}
    nodes = [
        {"id": "agent", "type": "agent", "config": settings},
        {
            "id": "weather",
            "type": "deed",
            "parent": "agent",
            "config": {"what": "{{ item.city }}", "gives": gives},
        },
        {"id": "pay", "type": "deed", "parent": "agent", "config": {"what": "{{ item }}"}},
    ]
    return {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": []}


async def work(
    host: LocalHost, body: dict[str, Any], store: MemoryRunStore | None = None, **more: Any
) -> RunResult:
    with ThreadPoolExecutor(2) as threads:
        return await run_flow(
            compile_flow(parse_plain(body), REGISTRY),
            run_id="run",
            inputs={},
            store=store or MemoryRunStore(),
            host=host,
            threads=threads,
            **more,
        )


async def answer_of(host: LocalHost, body: dict[str, Any]) -> Mapping[str, Any]:
    result = await work(host, body)
    assert result.state == "completed", result.error
    outputs: Mapping[str, Any] = result.outputs["agent"]
    return outputs


def wants(tool: str, said: str = "", **arguments: Any) -> Said:
    return Said(said, calls=((tool, arguments),))


async def test_it_uses_a_tool_and_answers(asking: LocalHost, model: ModelServer) -> None:
    model.says(wants("weather", "Let me look.", city="Berlin"), Said("Sunny.", cache_read=7))
    store = MemoryRunStore()
    result = await work(asking, flow("20 degrees"), store)
    made = result.outputs["agent"]
    assert (made["answer"], made["stopped"]) == ("Sunny.", "answered")
    assert made["usage"]["input_tokens"] == 40
    assert made["usage"]["cache_read_tokens"] == 7
    assert DEEDS == ["Berlin"]
    step = {"number": 0, "tool": "weather", "arguments": {"city": "Berlin"}, "result": "20 degrees"}
    assert made["steps"] == [{**step, "failed": False}]
    # The call is a record of its own, and the run tells of it.
    assert ("weather", "agent.0@1", 1) in store.nodes["run"]
    told = [event.data["message"] for event in store.events["run"] if event.type == "log"]
    assert told == ["agent_tool", "agent_result"]
    sent = model.prompts()[0]
    assert [tool["name"] for tool in sent["tools"]] == ["weather", "pay"]
    assert sent["tools"][0]["input_schema"]["additionalProperties"] is False


async def test_openai_is_spoken_to_alike(asking: LocalHost, model: ModelServer) -> None:
    model.media["open"] = True
    model.says(wants("weather", city="Rom"), "Warm.")
    made = await answer_of(asking, flow(protocol="openai", address=f"{model.url}/v1", model="m"))
    assert (made["answer"], DEEDS) == ("Warm.", ["Rom"])


async def test_what_a_tool_says_went_wrong_is_told_to_the_model(
    asking: LocalHost, model: ModelServer
) -> None:
    model.says(wants("weather", city="fail"), "It is shut.")
    made = await answer_of(asking, flow())
    assert (made["answer"], made["steps"][0]["failed"]) == ("It is shut.", True)
    result = model.prompts()[1]["messages"][-1]["content"][0]
    assert result["is_error"]
    assert "shop is shut" in result["content"]


async def test_a_plan_is_worked_through_part_by_part(asking: LocalHost, model: ModelServer) -> None:
    plan = '{"steps": ["look", "report"]}'
    model.says(plan, wants("weather", city="Oslo"), "Seen.", "All in all: cold.")
    made = await answer_of(asking, flow(mode="plan"))
    assert (made["plan"], made["answer"]) == (["look", "report"], "All in all: cold.")
    assert "Work on step 2" in model.prompts()[-1]["messages"][-1]["content"]


async def test_it_stops_at_its_turns_with_what_it_has(asking: LocalHost, model: ModelServer) -> None:
    def answers(request: Any) -> Said:
        return (
            Said("Enough.") if request.get("tool_choice") == {"type": "none"} else wants("weather", city="x")
        )

    model.answers = answers
    made = await answer_of(asking, flow(max_steps=3))
    assert (made["answer"], made["stopped"], len(made["steps"])) == ("Enough.", "steps", 2)


@pytest.mark.parametrize(
    ("limit", "stopped"), [({"token_limit": 40}, "tokens"), ({"cost_limit": 0.00005}, "money")]
)
async def test_it_stops_at_tokens_and_money(
    asking: LocalHost, model: ModelServer, limit: dict[str, Any], stopped: str
) -> None:
    def answers(request: Any) -> Said:
        return Said("Enough.") if "tool_choice" in request else wants("weather", city="x")

    model.answers = answers
    made = await answer_of(asking, flow(**limit))
    assert made["stopped"] == stopped
    assert len(made["steps"]) < 5


async def test_the_budget_of_the_flow_stops_the_run_and_nothing_is_done_twice(
    asking: LocalHost, model: ModelServer
) -> None:
    model.says(wants("weather", city="once"), Said("Done."))
    body = flow(max_tokens=1_000)
    body["settings"] = {"budget": {"amount": 1, "currency": "USD"}}
    store = MemoryRunStore()
    model.says(Said("", calls=(("weather", {"city": "once"}),), output_tokens=1_000), "Done.")
    result = await work(asking, body, store)
    assert (result.state, result.reason) == ("paused", "budget")
    assert DEEDS == ["once"]
    body["settings"] = {"budget": {"amount": 100, "currency": "USD"}}
    again = await work(asking, body, store)
    assert again.state == "completed", again.error
    assert again.outputs["agent"]["answer"] == "Done."
    assert (DEEDS, len(model.asked)) == (["once"], 2)


async def test_a_description_without_a_part_is_refused(asking: LocalHost, model: ModelServer) -> None:
    result = await work(asking, flow(tools=[{"node": "nothing"}]))
    assert result.error is not None
    assert result.error["code"] == "agent.bad_tool"
    assert not model.asked
