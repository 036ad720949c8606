"""Nodes that are described, not programmed (service files, MCP servers): they run here, because all their
code is the product's, and are held to the hosts and the kinds of credentials people consented to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from sage_studio.egress.gate import through
from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.errors import HOST_NOT_CONSENTED, NOT_CONSENTED
from sage_studio.plugins.isolated.held import KindOf
from sage_studio.plugins.manager import Loaded, Plugin
from sage_studio.sdk import Context, Node, NodeOutput


def held_nodes(loaded: Loaded, consented: Plugin, package: str, kind_of: KindOf) -> list[type[Node]]:
    """The plug-in's classes, each of whose connections and looks into credentials is asked about."""
    return [_held(node, consented, package, kind_of) for node in loaded.nodes]


class _HeldReader:
    """A run's context whose credentials only show their values if their kind was consented to."""

    def __init__(self, context: Context, consented: Plugin, kind_of: KindOf) -> None:
        self._context = context
        self._consented = consented
        self._kind_of = kind_of

    async def credential(self, name: str, **place: Any) -> Mapping[str, str]:
        """Raises SageError ``plugin.not_consented`` for a kind the permissions do not name."""
        kind = await self._kind_of(name)
        if not self._consented.permissions.allows_secret(kind):
            raise SageError(NOT_CONSENTED, {"plugin": self._consented.id, "what": f"credential {kind}"})
        return await self._context.credential(name, **place)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _held(node: type[Node], consented: Plugin, held_package: str, kind_of: KindOf) -> type[Node]:
    def require(host: str) -> None:
        if not consented.permissions.allows_host(host):
            raise SageError(HOST_NOT_CONSENTED, {"plugin": consented.id, "host": host[:260]})

    class Held(node):  # type: ignore[valid-type, misc]
        package: ClassVar[str] = held_package
        plugin_id: ClassVar[str] = consented.id

        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            reader = cast(Context, _HeldReader(ctx, consented, kind_of))
            with through(require):
                given: NodeOutput = await super().run(reader, inputs)
            return given

    return Held
