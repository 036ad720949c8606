"""MCP servers as nodes reach them: over HTTP through the guarded client, or as a program behind walls.

A program runs without network and sees nothing but itself and the system's libraries; where this machine
cannot hold it that way, it is not started. What a server says of itself and what its tools answer is
somebody else's text: tools are called only with arguments that fit their schema.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sage_studio.kernel import Json, JsonObject, SageError, define_error
from sage_studio.plugins.models.schemas import Shape, ShapeProblem
from sage_studio.plugins.support.libraries import library
from sage_studio.sandbox.isolation import Confinement, isolation, python_paths
from sage_studio.sdk import Context, Effect, LlmTool, NodeError

UNREACHABLE = define_error(
    "mcp.unreachable",
    3711,
    en="The MCP server cannot be used: {reason}",
    zh="无法使用该 MCP 服务器：{reason}",
    hint_en="Check the address or the program; the server must speak MCP over streamable HTTP or stdio.",
    hint_zh="请检查地址或程序；服务器须通过 streamable HTTP 或 stdio 使用 MCP。",
    status=502,
    retryable=True,
)
NO_TOOL = define_error(
    "mcp.no_tool",
    3712,
    en="The MCP server has no tool “{tool}”.",
    zh="该 MCP 服务器没有工具“{tool}”。",
    hint_en="It has: {tools}",
    hint_zh="可用的工具：{tools}",
    status=422,
)
BAD_ARGUMENTS = define_error(
    "mcp.bad_arguments",
    3713,
    en="The arguments do not fit the tool “{tool}”: {reason}",
    zh="参数不符合工具“{tool}”的要求：{reason}",
    hint_en="See the tool's parameters.",
    hint_zh="请参考该工具的参数说明。",
    status=422,
)
TOOL_FAILED = define_error(
    "mcp.tool_failed",
    3714,
    en="The tool “{tool}” failed: {reason}",
    zh="工具“{tool}”执行失败：{reason}",
    status=502,
)
NO_PROGRAM = define_error(
    "mcp.no_program",
    3715,
    en="There is no program “{program}” on this machine.",
    zh="本机没有程序“{program}”。",
    hint_en="Name a program installed beside the worker, or use a server over HTTP.",
    hint_zh="请填写工作进程所在机器上已安装的程序，或使用 HTTP 服务器。",
    status=422,
)
_MAX_TOOLS = 500
_MAX_TEXT = 200_000
_PYTHONS = frozenset({"python", "python3"})


@dataclass(frozen=True, slots=True)
class McpServer:
    """Where a server is: an ``address``, or a ``program`` with its arguments."""

    address: str = ""
    credential: str = ""
    program: str = ""
    arguments: tuple[str, ...] = ()
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class McpAnswer:
    """What a tool gave: its words, its data and its parts as they came."""

    text: str
    data: Json
    content: list[Json]


class McpSession:
    """An open connection."""

    def __init__(self, client: Any, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._tools: dict[str, LlmTool] | None = None
        self._repeatable: set[str] = set()

    async def tools(self) -> dict[str, LlmTool]:
        """All tools by name."""
        if self._tools is None:
            found: dict[str, LlmTool] = {}
            cursor: str | None = None
            while len(found) < _MAX_TOOLS:
                page = await self._client.list_tools(cursor=cursor)
                for tool in page.tools:
                    hints = tool.annotations
                    if hints is not None and (hints.read_only_hint or hints.idempotent_hint):
                        self._repeatable.add(tool.name)
                    found[tool.name] = LlmTool(
                        name=tool.name,
                        description=(tool.description or "")[:4_000],
                        parameters=dict(tool.input_schema),
                    )
                cursor = page.next_cursor
                if not cursor:
                    break
            self._tools = found
        return self._tools

    def effect_of(self, name: str) -> Effect:
        """What the server says of repeating a tool, once ``tools`` has been asked."""
        return "idempotent" if name in self._repeatable else "at_most_once"

    async def call(self, name: str, arguments: JsonObject) -> McpAnswer:
        """Raises NodeError ``mcp.no_tool``, ``mcp.bad_arguments`` and ``mcp.tool_failed``."""
        tools = await self.tools()
        if name not in tools:
            known = ", ".join(list(tools)[:50])
            raise NodeError(NO_TOOL, {"tool": name[:100], "tools": known})
        try:
            Shape(tools[name]["parameters"]).check(arguments)
        except ShapeProblem as problem:
            raise NodeError(BAD_ARGUMENTS, {"tool": name, "reason": str(problem)}) from None
        answer = await self._client.call_tool(name, arguments, read_timeout_seconds=self._timeout_s)
        content: list[Json] = [
            part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in answer.content
        ]
        words = "\n".join(part.text for part in answer.content if part.type == "text")[:_MAX_TEXT]
        if answer.is_error:
            raise NodeError(TOOL_FAILED, {"tool": name, "reason": words[:1_000] or "it does not say why"})
        return McpAnswer(words, answer.structured_content, content)


@asynccontextmanager
async def mcp_session(ctx: Context, server: McpServer) -> AsyncIterator[McpSession]:
    """Raises NodeError ``mcp.*``, and SageError ``http.*`` and ``sandbox.*``."""
    mcp = await ctx.in_thread(library, "mcp", "mcp")
    try:
        async with _transport(ctx, server) as transport:
            client = mcp.Client(transport, read_timeout_seconds=server.timeout_s, cache=None)
            async with client:
                yield McpSession(client, server.timeout_s)
    except BaseExceptionGroup as group:
        raise _first(group) from group
    except (mcp.MCPError, OSError) as error:
        raise NodeError(UNREACHABLE, {"reason": str(error)[:300]}) from error


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What a node should say: our own error when there is one, a stop when it was one."""
    leaves = list(_leaves(group))
    for leaf in leaves:
        if isinstance(leaf, SageError) or not isinstance(leaf, Exception):
            return leaf
    for leaf in leaves:
        if isinstance(leaf.__cause__, SageError):
            return leaf.__cause__
    return NodeError(UNREACHABLE, {"reason": f"{type(leaves[0]).__name__}: {str(leaves[0])[:300]}"})


def _leaves(group: BaseExceptionGroup[BaseException]) -> Sequence[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


@asynccontextmanager
async def _transport(ctx: Context, server: McpServer) -> AsyncIterator[Any]:
    if server.program:
        with await ctx.in_thread(Path(os.devnull).open, "w") as nothing:
            yield await _stdio(ctx, server, nothing)
        return
    httpx2 = importlib.import_module("httpx2")
    http = importlib.import_module("mcp.client.streamable_http")
    guarded = ctx.http.transport(credential=server.credential or None)
    async with httpx2.AsyncClient(transport=guarded, trust_env=False, timeout=server.timeout_s) as client:
        yield http.streamable_http_client(server.address, http_client=client)


async def _stdio(ctx: Context, server: McpServer, nothing: Any) -> Any:
    """Raises SageError ``sandbox.too_weak`` where a program cannot be held."""
    walls = await ctx.in_thread(isolation)
    walls.require_programs()
    program = sys.executable if server.program in _PYTHONS else shutil.which(server.program)
    if program is None:
        raise NodeError(NO_PROGRAM, {"program": server.program[:100]})
    seen = python_paths() if program == sys.executable else (Path(program),)
    confinement = Confinement(
        memory_mb=1_024, processes=16, open_files=128, scratch_mb=64, read_only=seen, dies_with_parent=True
    )
    vector = walls.wrap([program, *server.arguments], confinement)
    stdio = importlib.import_module("mcp.client.stdio")
    parameters = stdio.StdioServerParameters(command=vector[0], args=vector[1:], env={}, cwd="/")
    return stdio.stdio_client(parameters, errlog=nothing)
