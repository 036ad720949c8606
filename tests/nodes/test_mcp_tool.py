"""mcp_tool and the agent against real MCP servers, over HTTP and as a program behind walls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.builtin.ai.mcp_tool import McpTool
from sage_studio.plugins.local_host import LocalHost
from sage_studio.sandbox.isolation import isolation
from tests.nodes.running import failure_of, run_flow_here, run_node
from tests.servers import mcp
from tests.servers.models import KEY, ModelServer, Said


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with mcp.over_http() as url:
        yield url


async def test_a_tool_is_called_over_http(host: LocalHost, address: str) -> None:
    config = {"address": address, "tool": "add", "arguments": {"a": 1, "b": 2}}
    made = await run_node("mcp_tool", host, config=config)
    assert (made["text"], made["data"]) == ("3", {"result": 3})
    assert made["content"][0]["type"] == "text"


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        ({"tool": "add", "arguments": {"a": "x"}}, "mcp.bad_arguments", "not of type"),
        ({"tool": "nothing"}, "mcp.no_tool", "nothing"),
        ({"tool": "fail"}, "mcp.tool_failed", "fail"),
        ({"tool": "add", "address": "http://10.0.0.1/mcp"}, "http.refused", "10.0.0.1"),
        ({"tool": "add", "transport": "stdio", "program": "no-such-program"}, "mcp.no_program", "no-such"),
    ],
)
async def test_what_is_wrong_is_named(
    host: LocalHost, address: str, config: dict[str, Any], code: str, said: str
) -> None:
    if config.get("transport") == "stdio" and not isolation().contains_programs:
        pytest.skip("programs cannot be held on this machine")
    problem = await failure_of("mcp_tool", host, config={"address": address, **config})
    assert problem["code"] == code
    assert said in problem["message"]


async def test_a_program_runs_without_network_files_and_environment(host: LocalHost) -> None:
    if not isolation().contains_programs:
        pytest.skip("programs cannot be held on this machine")
    config = {
        "transport": "stdio",
        "program": "python",
        "program_arguments": ["-c", mcp.PROGRAM],
        "tool": "look",
    }
    made = await run_node("mcp_tool", host, config=config)
    assert made["data"]["network"] == "shut"
    assert made["data"]["files"] == "False"
    assert "SAGE" not in made["data"]["names"]


async def test_an_agent_has_the_tools_of_a_server_that_the_flow_names(tmp_path: Path, address: str) -> None:
    with ModelServer() as model:
        environ = {
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": model.url,
            "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        }
        calls: Any = (("add", {"a": 2, "b": 3}), ("fail", {}))
        model.says(Said("", calls=calls), "Five.")
        config = {"task": "Add.", "mcp_address": address, "mcp_tools": ["add"]}
        body = {
            "schema": "sage-studio/flow@1",
            "nodes": [{"id": "agent", "type": "agent", "config": config}],
        }
        with LocalHost(folder=tmp_path, environ=environ) as host:
            result = await run_flow_here(body, host)
        assert result.state == "completed", result.error
        first, second = result.outputs["agent"]["steps"]
        assert (first["result"], first["failed"]) == ("5", False)
        assert (second["failed"], "no tool" in second["result"]) == (True, True)
        assert [tool["name"] for tool in model.prompts()[0]["tools"]] == ["add"]


def test_only_tools_that_say_so_are_called_again() -> None:
    assert McpTool.effect({}) == "at_most_once"
    assert McpTool.effect({"repeatable": True}) == "idempotent"
