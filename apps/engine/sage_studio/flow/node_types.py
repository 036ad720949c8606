"""The port through which the flow package asks which node types exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Json


class NodeTypes(Protocol):
    """Specs by type id or alias; ``plugins.registry.NodeRegistry`` is one."""

    def spec(self, type_id: str, version: str | None = None, /) -> NodeSpec | None:
        """The version a node runs with that asks for ``version`` (``flow.spec_versions.serving``)."""
        ...

    def specs(self) -> Sequence[NodeSpec]: ...


@runtime_checkable
class Upgrades(Protocol):
    """A library that can bring the settings of old nodes up to date."""

    def upgraded(self, type_id: str, version: str, config: Mapping[str, Json], /) -> Mapping[str, Json]:
        """Settings made with ``version``, as the version that runs the node takes them."""
        ...


class _Known(dict["tuple[str, str | None]", "NodeSpec | None"]):
    def __init__(self, types: NodeTypes) -> None:
        self._types = types

    def __missing__(self, asked: tuple[str, str | None]) -> NodeSpec | None:
        spec = self[asked] = self._types.spec(*asked)
        return spec


class AskedOnce:
    """A library that is asked once per type and version, for work that looks at every node of a flow
    several times."""

    def __init__(self, types: NodeTypes) -> None:
        self._types = types
        self._known = _Known(types)

    def spec(self, type_id: str, version: str | None = None, /) -> NodeSpec | None:
        return self._known[type_id, version]

    def specs(self) -> Sequence[NodeSpec]:
        return self._types.specs()
