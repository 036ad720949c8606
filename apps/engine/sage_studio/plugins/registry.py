"""Which node types exist, each in one or several versions side by side.

A registry is a plain value, filled once and read often. The server and the command line take
``builtin_registry()``, or one of their own that stands on it (``below``) and adds the nodes of plug-ins;
tests build theirs with the classes they need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from sage_studio.flow.spec_versions import rank, serving
from sage_studio.kernel import Json
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.sdk import Node, NodeSpec


class NodeRegistry:
    """Node classes by type id and by their aliases.

    A flow's node names a version. It runs with that very one, with a newer one of the same first number
    (its settings go through ``upgrade``), or with the newest there is. Names of a registry ``below`` are
    taken: no plug-in replaces a node of the product.
    """

    def __init__(self, nodes: Iterable[type[Node]] = (), *, below: NodeRegistry | None = None) -> None:
        self._below = below
        self._types: dict[str, dict[str, type[Node]]] = {}
        self._newest: dict[str, type[Node]] = {}
        self._ids: dict[str, str] = {}
        for node in nodes:
            self.add(node)

    def add(self, node: type[Node]) -> None:
        """Register a class. Raises ValueError when its id or an alias belongs to another type, or when
        this version of the type is there already."""
        spec = node.spec
        for name in (spec.id, *spec.aliases):
            is_below = self._below is not None and self._below.get(name) is not None
            if is_below or self._ids.get(name, spec.id) != spec.id:
                raise ValueError(f"node type {name!r} is registered twice")
        versions = self._types.setdefault(spec.id, {})
        if spec.version in versions:
            raise ValueError(f"node type {spec.id!r} is registered twice in version {spec.version}")
        versions[spec.version] = node
        self._ids.update(dict.fromkeys((spec.id, *spec.aliases), spec.id))
        self._newest[spec.id] = versions[max(versions, key=rank)]

    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        """The class that runs a node of a type which asks for ``version`` (None: the newest); None when
        the type is not installed."""
        known = self._ids.get(type_id)
        if known is None:
            return None if self._below is None else self._below.get(type_id, version)
        newest = self._newest[known]
        if version is None or newest.spec.version == version:
            return newest
        versions = self._types[known]
        chosen = serving(version, versions)
        return newest if chosen is None else versions[chosen]

    def spec(self, type_id: str, version: str | None = None) -> NodeSpec | None:
        node = self.get(type_id, version)
        return None if node is None else node.spec

    def upgraded(self, type_id: str, version: str, config: Mapping[str, Json]) -> Mapping[str, Json]:
        """Settings made with ``version``, as the class that runs the node takes them."""
        node = self.get(type_id, version)
        if node is None or node.spec.version == version:
            return config
        return node.upgrade(dict(config), version)

    def versions(self, type_id: str) -> list[str]:
        """The installed versions of a type, the newest first."""
        known = self._ids.get(type_id)
        if known is None:
            return [] if self._below is None else self._below.versions(type_id)
        return sorted(self._types[known], key=rank, reverse=True)

    def nodes(self) -> list[type[Node]]:
        """The newest version of every type in the order of registration, which is the order of the
        library: what is below comes first."""
        below = [] if self._below is None else self._below.nodes()
        return [*below, *self._newest.values()]

    def specs(self) -> list[NodeSpec]:
        """The specs of ``nodes()``."""
        return [node.spec for node in self.nodes()]


@lru_cache(maxsize=1)
def builtin_registry() -> NodeRegistry:
    """The nodes that come with the product."""
    return NodeRegistry(BUILTIN_NODES)
