"""The tools of a real MCP server as nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.manager import Plugin
from sage_studio.plugins.manager.manifest import McpPlace
from sage_studio.plugins.manager.mcp_plugins import HostReach, describe_mcp, mcp_nodes
from sage_studio.sdk import Node
from sage_studio.testing import examine, run_node
from tests.servers import mcp

ENVIRON = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}


def shop() -> MCPServer:
    server = MCPServer("shop")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def find(
        words: Annotated[str, Field(description="What to look for")],
        kind: Literal["book", "film"] = "book",
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
        tags: list[str] | None = None,
    ) -> dict[str, Any]:
        """Finds things."""
        return {"found": [words, kind, limit, tags]}

    @server.tool(name="get-item")
    def get_dashed(value: str, credential: str = "none") -> str:
        """Gets one."""
        return f"dashed {value} {credential}"

    @server.tool(name="get_item")
    def get_plain(number: int) -> str:
        """Gets another."""
        return f"plain {number}"

    return server


@pytest.fixture(scope="module")
def server() -> MCPServer:
    return shop()


@pytest.fixture(scope="module")
def address(server: MCPServer) -> Iterator[str]:
    with mcp.over_http(server) as url:
        yield url


async def described(place: McpPlace) -> Plugin:
    with LocalHost(environ=ENVIRON) as host:
        return await describe_mcp(HostReach(host.http), place, plugin_id="shop", name="Shop")


async def nodes_at(address: str) -> dict[str, type[Node]]:
    plugin = await described(McpPlace(address=address))
    again = Plugin.from_json(json.loads(json.dumps(plugin.to_json())))
    assert again == plugin
    return {node.spec.id: node for node in mcp_nodes(again).nodes}


async def test_tools_appear_as_nodes(address: str) -> None:
    nodes = await nodes_at(address)
    words, kind, limit, tags, credential = nodes["shop_find"].spec.config

    assert list(nodes) == ["shop_find", "shop_get_item", "shop_get_item_2"]
    assert (words.required, words.help, words.wireable) == (
        True,
        {"en": "What to look for"} | {"zh": "What to look for"},
        True,
    )
    assert ([option.value for option in kind.options], kind.default) == (["book", "film"], "book")
    assert (limit.type, limit.minimum, limit.maximum, limit.default) == ("integer", 1, 50, 10)
    assert (tags.type, credential.control) == ("any", "credential")
    assert (nodes["shop_find"].spec.effect, nodes["shop_get_item"].spec.effect) == (
        "idempotent",
        "at_most_once",
    )
    for node in nodes.values():
        assert [str(found) for found in await examine(node) if found.severity == "error"] == []


async def test_they_call_their_tools(address: str) -> None:
    nodes = await nodes_at(address)
    found = await run_node(
        nodes["shop_find"], environ=ENVIRON, config={"limit": 3, "tags": ["a"]}, words="sea"
    )
    dashed = await run_node(
        nodes["shop_get_item"], environ=ENVIRON, config={"value_2": "v", "credential_2": "c"}
    )
    plain = await run_node(nodes["shop_get_item_2"], environ=ENVIRON, config={"number": 4})

    assert found.outputs["data"] == {"found": ["sea", "book", 3, ["a"]]}
    assert (dashed.outputs["text"], plain.outputs["text"]) == ("dashed v c", "plain 4")


async def test_a_tool_that_is_gone_is_a_clear_error(server: MCPServer, address: str) -> None:
    nodes = await nodes_at(address)
    server.remove_tool("get_item")
    run = await run_node(nodes["shop_get_item_2"], environ=ENVIRON, config={"number": 4})

    assert run.error is not None
    assert run.error["code"] == "mcp.no_tool"
    assert "get_item" in run.error["message"]
