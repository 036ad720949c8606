"""The port through which the flow package asks which node types exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sage_studio.flow.spec import NodeSpec


class NodeTypes(Protocol):
    """Specs by type id or alias; ``plugins.registry.NodeRegistry`` is one."""

    def spec(self, type_id: str, /) -> NodeSpec | None: ...

    def specs(self) -> Sequence[NodeSpec]: ...
