"""What is known of a plug-in without running its code: a value that is stored, shown and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.declared.errors import reason_of
from sage_studio.plugins.manager.errors import BAD_MANIFEST
from sage_studio.sdk import Node, NodeSpec
from sage_studio.sdk.plugin import PluginHead

Source = Literal["entry_point", "folder", "yaml", "mcp"]


class McpPlace(BaseModel):
    """Where an MCP server is: an ``address``, or a ``program`` with its arguments on the worker's machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = ""
    program: str = ""
    arguments: tuple[str, ...] = ()
    credential_kinds: tuple[str, ...] = ("bearer", "api_key", "oauth2")

    @property
    def hosts(self) -> list[str]:
        """The host of the address."""
        host = urlsplit(self.address).hostname
        return [host] if host else []


class PluginNode(BaseModel):
    """A node of a plug-in. ``origin`` says where its class is (``package.module:Class``), or which tool of an
    MCP server it is (``mcp:name``) with the names of its arguments; empty for one that is described rather
    than programmed. ``resumes``: it streams and says what it is at (``StreamNode.snapshot``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: NodeSpec
    origin: str = ""
    names: tuple[str, ...] = ()
    resumes: bool = False


class Plugin(PluginHead):
    """A plug-in's manifest.

    ``source`` says what it was made from, ``digest`` is over everything it consists of (``sha256:…``; empty
    for one that is installed as a Python package or lives on a server).
    """

    nodes: tuple[PluginNode, ...] = ()
    source: Source
    digest: str = ""
    server: McpPlace | None = None

    def to_json(self) -> JsonObject:
        shape: JsonObject = self.model_dump(mode="json", exclude_none=True)
        return shape

    @classmethod
    def from_json(cls, shape: JsonObject) -> Plugin:
        """Raises SageError ``plugin.bad_manifest``."""
        try:
            return cls.model_validate(shape)
        except ValidationError as error:
            raise SageError(BAD_MANIFEST, {"reason": reason_of(error)}) from error


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plug-in and the classes of its nodes, in this process."""

    plugin: Plugin
    nodes: tuple[type[Node], ...]
