"""What an agent may do: the lanes of its body and the tools of one MCP server that the flow names.

A model's wish is checked here before anything happens: the tool must be one of these, the arguments must
fit its schema exactly, and where the flow says so a person must agree. What a tool answers goes back to
the model as text and changes none of that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import JsonObject, SageError, define_error
from sage_studio.plugins.models.schemas import Shape, ShapeProblem, closed
from sage_studio.plugins.support.mcp import McpServer, McpSession, mcp_session
from sage_studio.sdk import BodyFailed, Context, Leave, LlmTool, NodeError, ToolCall

BAD_TOOL = define_error(
    "agent.bad_tool",
    3720,
    en="The tool “{tool}” cannot be given to the agent: {reason}.",
    zh="无法将工具“{tool}”交给智能体：{reason}。",
    hint_en="Every part inside the agent is a tool, named after its first node; describe it under “Tools”.",
    hint_zh="智能体内的每个部分都是一个工具，以其首个节点命名；请在“工具”中加以描述。",
    status=422,
)
TOOL_FAILED = define_error(
    "agent.tool_failed",
    3721,
    en="The tool “{tool}” failed: {reason}",
    zh="工具“{tool}”执行失败：{reason}",
    status=502,
)
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_ANYTHING: JsonObject = {"type": "object", "properties": {"input": {"type": "string"}}}
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})
_MAX_TOOLS = 128
# Errors that end the node, or the run, rather than being told to the model.
_FINAL = ("budget.", "node.cancelled", "credential.")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool; ``lane`` is its part of the body, or empty for a tool of the MCP server."""

    name: str
    told: LlmTool
    shape: Shape
    lane: str = ""
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call, in the model's words."""

    text: str
    is_error: bool = False


class Toolbox:
    """The tools of one run of an agent; a context manager that holds the connection to the server."""

    def __init__(self, ctx: Context, described: Sequence[Any], *, longest: int) -> None:
        self._ctx = ctx
        self._described = described
        self._longest = longest
        self._stack = AsyncExitStack()
        self._session: McpSession | None = None
        self._tools: dict[str, Tool] = {}

    async def open(self, server: McpServer | None, names: Sequence[str], approve: Sequence[str]) -> None:
        """Find the tools. Raises NodeError ``agent.bad_tool`` and ``mcp.*``."""
        for tool in _lane_tools(self._ctx.sections, self._described):
            self._add(tool, approve)
        if server is not None and names:
            self._session = await self._stack.enter_async_context(mcp_session(self._ctx, server))
            known = await self._session.tools()
            for name in names:
                if name not in known:
                    raise NodeError(BAD_TOOL, {"tool": name, "reason": "the MCP server does not have it"})
                told = known[name]
                self._add(Tool(name, told, Shape(told["parameters"])), approve)

    def _add(self, tool: Tool, approve: Sequence[str]) -> None:
        if not _NAME.fullmatch(tool.name):
            raise NodeError(BAD_TOOL, {"tool": tool.name[:100], "reason": "models cannot call such a name"})
        if tool.name in self._tools or len(self._tools) == _MAX_TOOLS:
            raise NodeError(BAD_TOOL, {"tool": tool.name, "reason": "there is another of this name"})
        needs = tool.needs_approval or tool.name in approve or "*" in approve
        self._tools[tool.name] = Tool(tool.name, tool.told, tool.shape, tool.lane, needs)

    async def close(self) -> None:
        await self._stack.aclose()

    def told(self) -> list[LlmTool]:
        """The tools as the model is told of them."""
        return [tool.told for tool in self._tools.values()]

    def is_outside(self, name: str) -> bool:
        """Whether the engine keeps no record of calls of this tool."""
        tool = self._tools.get(name)
        return tool is not None and not tool.lane

    async def call(self, call: ToolCall, number: int) -> Outcome:
        """Carry out a wish, or say why not. ``number`` is the call's own in this run of the agent. Raises
        SageError for what ends the node, and Leave when the tool left the loop around the agent."""
        tool = self._tools.get(call["name"])
        if tool is None:
            self._ctx.log("agent_refused", level="warning", tool=call["name"][:100], reason="not a tool here")
            known = ", ".join(self._tools) or "none"
            return Outcome(f"There is no tool “{call['name'][:100]}”. The tools are: {known}.", is_error=True)
        arguments = call["arguments"]
        if arguments is None:
            return Outcome("The arguments are not a JSON object.", is_error=True)
        try:
            tool.shape.check(arguments)
        except ShapeProblem as problem:
            self._ctx.log("agent_refused", level="warning", tool=tool.name, reason=str(problem))
            return Outcome(f"The arguments do not fit: {problem}", is_error=True)
        if tool.needs_approval and (said := await self._asked(tool, arguments, number)) is not None:
            return said
        try:
            answer = await self._perform(tool, arguments, number)
        except BodyFailed as failure:
            if failure.problem["code"].startswith(_FINAL):
                raise
            return Outcome(failure.problem["message"], is_error=True)
        except SageError as error:
            if error.code.code.startswith(_FINAL):
                raise
            return Outcome(error.message("en"), is_error=True)
        return Outcome(self._words(answer))

    async def _perform(self, tool: Tool, arguments: JsonObject, number: int) -> Any:
        if tool.lane:
            given = {"item": arguments, "tool": tool.name}
            done = await self._ctx.body(number, given, section=tool.lane)
            if done.left is not None:
                raise Leave(done.left.what, done.left.value)
            return done.value
        assert self._session is not None, "tools without a lane are the server's"
        answer = await self._session.call(tool.name, arguments)
        return answer.text or answer.data

    async def _asked(self, tool: Tool, arguments: JsonObject, number: int) -> Outcome | None:
        """Wait for a person; None when they agree."""
        shown = json.dumps(arguments, ensure_ascii=False, indent=1)[:4_000]
        payload = await self._ctx.wait_for(
            f"approval_{number}",
            details={"kind": "approval", "message": f"{tool.name}\n{shown}", "tool": tool.name},
        )
        if isinstance(payload, Mapping) and payload.get("approved") is True:
            return None
        reason = str(payload.get("comment") or "") if isinstance(payload, Mapping) else ""
        self._ctx.log("agent_rejected", tool=tool.name, reason=reason[:500])
        return Outcome(f"A person has refused this call. {reason[:500]}".strip(), is_error=True)

    def _words(self, answer: Any) -> str:
        words = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
        if len(words) <= self._longest:
            return words
        left_out = len(words) - self._longest
        return f"{words[: self._longest]}\n[{left_out} more characters were left out]"


def _lane_tools(sections: Sequence[str], described: Sequence[Any]) -> list[Tool]:
    """A tool for every part of the body; what is described without a part is a mistake worth telling."""
    by_node: dict[str, Mapping[str, Any]] = {}
    for entry in described:
        node = entry.get("node") if isinstance(entry, Mapping) else None
        if not isinstance(node, str) or node not in sections:
            raise NodeError(BAD_TOOL, {"tool": str(node or entry)[:100], "reason": "no part begins with it"})
        by_node[node] = entry
    return [_lane_tool(lane, by_node.get(lane, {})) for lane in sections if lane]


def _lane_tool(lane: str, entry: Mapping[str, Any]) -> Tool:
    name = str(entry.get("name") or lane)
    given = entry.get("parameters")
    parameters = closed(_parameters(given) if isinstance(given, Mapping) and given else dict(_ANYTHING))
    told = LlmTool(name=name, description=str(entry.get("description") or ""), parameters=parameters)
    return Tool(name, told, Shape(parameters), lane, entry.get("approval") is True)


def _parameters(given: Mapping[str, Any]) -> JsonObject:
    """A JSON Schema as it is; names with descriptions become one: ``{"city": "string: where"}``."""
    if given.get("type") == "object" or "properties" in given:
        return {"type": "object", **given}
    properties: JsonObject = {}
    for name, said in given.items():
        kind, _, rest = str(said).partition(":")
        is_typed = kind.strip() in _TYPES
        entry: JsonObject = {"type": kind.strip() if is_typed else "string"}
        if description := (rest.strip() if is_typed else str(said)):
            entry["description"] = description
        properties[str(name)] = entry
    return {"type": "object", "properties": properties, "required": [*properties]}
