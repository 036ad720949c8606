"""Which node types exist: a mapping from type id to class, filled once and read often.

A registry is a plain value. The server and the command line take ``builtin_registry()``; tests
build their own with the classes they need.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.sdk import Node, NodeSpec


class NodeRegistry:
    """Node classes by type id and by their aliases."""

    def __init__(self, nodes: Iterable[type[Node]] = ()) -> None:
        self._nodes: dict[str, type[Node]] = {}
        self._by_name: dict[str, type[Node]] = {}
        for node in nodes:
            self.add(node)

    def add(self, node: type[Node]) -> None:
        """Register a class. Raises ValueError when its id or an alias is taken."""
        names = (node.spec.id, *node.spec.aliases)
        for name in names:
            if name in self._by_name:
                raise ValueError(f"node type {name!r} is registered twice")
        self._nodes[node.spec.id] = node
        self._by_name.update(dict.fromkeys(names, node))

    def get(self, type_id: str) -> type[Node] | None:
        """The class of a node type, or None when it is not installed."""
        return self._by_name.get(type_id)

    def spec(self, type_id: str) -> NodeSpec | None:
        node = self.get(type_id)
        return None if node is None else node.spec

    def specs(self) -> list[NodeSpec]:
        """Every spec in the order of registration, which is the order of the library."""
        return [node.spec for node in self._nodes.values()]


@lru_cache(maxsize=1)
def builtin_registry() -> NodeRegistry:
    """The nodes that come with the product."""
    return NodeRegistry(BUILTIN_NODES)
