"""Nodes that are described, not programmed (service files, MCP servers): they run here, because all their
code is the product's, and are held to the hosts people consented to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sage_studio.egress.gate import through
from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.errors import HOST_NOT_CONSENTED
from sage_studio.plugins.manager import Loaded, Plugin
from sage_studio.sdk import Context, Node, NodeOutput


def held_nodes(loaded: Loaded, consented: Plugin, package: str) -> list[type[Node]]:
    """The plug-in's classes, each of whose connections is asked about."""
    return [_held(node, consented, package) for node in loaded.nodes]


def _held(node: type[Node], consented: Plugin, held_package: str) -> type[Node]:
    def require(host: str) -> None:
        if not consented.permissions.allows_host(host):
            raise SageError(HOST_NOT_CONSENTED, {"plugin": consented.id, "host": host[:260]})

    class Held(node):  # type: ignore[valid-type, misc]
        package: ClassVar[str] = held_package
        plugin_id: ClassVar[str] = consented.id

        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            with through(require):
                given: NodeOutput = await super().run(ctx, inputs)
            return given

    return Held
