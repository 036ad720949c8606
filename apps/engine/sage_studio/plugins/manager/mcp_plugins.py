"""MCP servers as plug-ins: every tool a node, with ports and settings from its JSON Schema.

A server is asked once what it has (``describe_mcp``); its manifest then says it, and the nodes are made from
that without asking again (``mcp_nodes``). What the server does with a tool it no longer has is an error of
the run that names those it has.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol, cast

from sage_studio.flow.types import is_value_of
from sage_studio.kernel import Json, JsonObject, SageError
from sage_studio.plugins.manager.errors import BAD_MANIFEST
from sage_studio.plugins.manager.manifest import Loaded, McpPlace, Plugin, PluginNode
from sage_studio.plugins.support.mcp import McpServer, McpSession, mcp_session
from sage_studio.sdk import (
    Choice,
    Context,
    Effect,
    Field,
    HttpClient,
    LlmTool,
    Node,
    NodeOutput,
    NodeSpec,
    Permissions,
    Port,
    Settings,
    text,
)

CREDENTIAL = "credential"
_TOOL = "mcp:"
_TYPES = ("string", "integer", "number", "boolean", "object", "array")
_FAR = 1e15
_LABEL_LENGTH = 80


class Reach(Protocol):
    """What asking a server takes of a host: its client, and a thread for what blocks."""

    @property
    def http(self) -> HttpClient: ...

    async def in_thread(self, function: Any, *args: Any) -> Any: ...


class HostReach:
    """A host's client for a server that is asked outside of any run."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)


async def describe_mcp(
    reach: Reach,
    place: McpPlace,
    *,
    plugin_id: str,
    name: str = "",
    credential: str = "",
    version: str = "1.0.0",
) -> Plugin:
    """The manifest of a server's tools. ``version`` is the manifest's: a server's own says nothing about its
    tools. Raises SageError ``mcp.*``, ``http.*``, ``sandbox.*`` and ``plugin.bad_manifest``."""
    server = _server(place, credential)
    async with mcp_session(cast(Context, reach), server) as session:
        tools = await session.tools()
        nodes = _described(tools, session, place, plugin_id=plugin_id, version=version)
    if not nodes:
        raise SageError(BAD_MANIFEST, {"reason": "the MCP server has no tools"})
    title = name or plugin_id
    shape = {
        "id": plugin_id,
        "version": version,
        "name": text(title, title),
        "description": text(f"Tools of the MCP server {title}.", f"MCP 服务器 {title} 的工具。"),
        "icon": "plug",
        "permissions": Permissions(hosts=tuple(place.hosts), code=bool(place.program)),
        "nodes": tuple(nodes),
        "source": "mcp",
        "server": place,
    }
    return Plugin.model_validate(shape)


def mcp_nodes(plugin: Plugin) -> Loaded:
    """The node classes of a described server; nobody is asked. Raises SageError ``plugin.bad_manifest``."""
    if plugin.server is None:
        raise SageError(BAD_MANIFEST, {"reason": "it names no MCP server"})
    place = plugin.server
    return Loaded(plugin, tuple(_node(entry, place) for entry in plugin.nodes))


def _server(place: McpPlace, credential: str) -> McpServer:
    return McpServer(
        address=place.address, credential=credential, program=place.program, arguments=place.arguments
    )


def _node(entry: PluginNode, place: McpPlace) -> type[Node]:
    tool = entry.origin.removeprefix(_TOOL)
    fields = [field for field in entry.spec.config if field.name != CREDENTIAL]

    class McpNode(Node):
        __doc__ = entry.spec.description["en"]
        spec: ClassVar[NodeSpec] = entry.spec

        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            settings = Settings(self.spec, ctx, inputs)
            arguments: JsonObject = {}
            for field, name in zip(fields, entry.names, strict=True):
                value = _value(settings, field)
                if value is not None:
                    arguments[name] = value
            credential = settings.text(CREDENTIAL) if place.address else ""
            async with mcp_session(ctx, _server(place, credential)) as session:
                answer = await session.call(tool, arguments)
            return {"text": answer.text, "data": answer.data, "content": answer.content}

    return McpNode


def _value(settings: Settings, field: Field) -> Any:
    held = settings.raw(field.name)
    if held is None or (held == "" and not field.required):
        return None
    readers: dict[str, Callable[[str], Any]] = {
        "string": settings.text,
        "integer": settings.integer,
        "number": settings.number,
        "boolean": settings.flag,
    }
    return readers[field.type](field.name) if field.type in readers else held


def _described(
    tools: Mapping[str, LlmTool], session: McpSession, place: McpPlace, *, plugin_id: str, version: str
) -> list[PluginNode]:
    """Every tool under an id of its own, also when two names differ only in signs."""
    taken: set[str] = set()
    nodes = []
    for name, tool in tools.items():
        node_id = _free(f"{plugin_id}_{_slug(name)}"[:58], taken)
        schema: dict[str, Any] = dict(tool["parameters"])
        fields = _fields(schema, place)
        spec = _spec(node_id, tool, fields, effect=session.effect_of(name), version=version)
        names = tuple(schema.get("properties") or {})
        nodes.append(PluginNode(spec=spec, origin=f"{_TOOL}{name}", names=names))
    return nodes


def _fields(schema: Mapping[str, Any], place: McpPlace) -> list[Field]:
    """A setting for every argument, under a name of its own that expressions can say."""
    required = set(schema.get("required") or ())
    taken = {CREDENTIAL, "value"}
    fields = []
    for name, shape in (schema.get("properties") or {}).items():
        details = shape if isinstance(shape, Mapping) else {}
        fields.append(_field(_free(_slug(name), taken), name, details, required=name in required))
    return [*fields, _credential(place.credential_kinds)] if place.address else fields


def _spec(node_id: str, tool: LlmTool, fields: Iterable[Field], *, effect: Effect, version: str) -> NodeSpec:
    words = tool["description"].strip() or tool["name"]
    return NodeSpec(
        id=node_id,
        version=version,
        name=text(tool["name"], tool["name"]),
        description=text(words, words),
        category="service",
        icon="plug",
        inputs=(Port(name="value", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="data", type="any", label=text("Data", "数据")),
            Port(name="content", type="array<object>", label=text("Parts as they came", "原始内容")),
        ),
        config=tuple(fields),
        effect=effect,
        gives_all=True,
        example={"config": {}, "needs": "its MCP server"},
    )


def _field(own_name: str, name: str, shape: Mapping[str, Any], *, required: bool) -> Field:
    kinds = shape.get("type")
    kind: Any = next((one for one in (kinds if isinstance(kinds, list) else [kinds]) if one in _TYPES), "any")
    choices = (
        [value for value in shape.get("enum") or () if isinstance(value, str)] if kind == "string" else []
    )
    label = str(shape.get("title") or name)[:_LABEL_LENGTH]
    words = str(shape.get("description") or "").strip()
    is_number = kind in ("integer", "number")
    return Field(
        name=own_name,
        type=kind,
        label=text(label, label),
        help=text(words, words) if words else None,
        required=required,
        default=_default(shape.get("default"), kind, choices),
        control="select" if choices else "json" if kind in ("object", "array", "any") else None,
        options=tuple(Choice(value=value, label=text(value, value)) for value in choices),
        minimum=_bound(shape, "minimum", -_FAR) if is_number else None,
        maximum=_bound(shape, "maximum", _FAR) if is_number else None,
        wireable=True,
    )


def _bound(shape: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = shape.get(name)
    return float(value) if isinstance(value, (int, float)) else otherwise


def _default(value: Any, kind: str, choices: list[str]) -> Json:
    """The schema's own, unless it does not fit what the schema says."""
    if (
        value is None
        or (choices and value not in choices)
        or (kind != "any" and not is_value_of(value, kind))
    ):
        return None
    return cast(Json, value)


def _credential(kinds: Iterable[str]) -> Field:
    return Field(
        name=CREDENTIAL,
        label=text("Credential", "凭据"),
        control="credential",
        credential_kinds=tuple(kinds),
        default="",
        expression="never",
    )


def _slug(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "tool"
    return plain if plain[0].isalpha() else f"x_{plain}"


def _free(wished: str, taken: set[str]) -> str:
    name, number = wished, 2
    while name in taken:
        name, number = f"{wished}_{number}", number + 1
    taken.add(name)
    return name
