"""The port through which the flow package asks which node types exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sage_studio.flow.spec import NodeSpec


class NodeTypes(Protocol):
    """Specs by type id or alias; ``plugins.registry.NodeRegistry`` is one."""

    def spec(self, type_id: str, /) -> NodeSpec | None: ...

    def specs(self) -> Sequence[NodeSpec]: ...


class _Known(dict[str, "NodeSpec | None"]):
    def __init__(self, types: NodeTypes) -> None:
        self._types = types

    def __missing__(self, type_id: str) -> NodeSpec | None:
        spec = self[type_id] = self._types.spec(type_id)
        return spec


class AskedOnce:
    """A library that is asked once per type, for work that looks at every node of a flow several times."""

    def __init__(self, types: NodeTypes) -> None:
        self._types = types
        self._known = _Known(types)
        # Python's own lookup, without a call in between.
        self.spec = self._known.__getitem__

    def specs(self) -> Sequence[NodeSpec]:
        return self._types.specs()
