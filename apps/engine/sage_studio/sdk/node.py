"""The running half of a node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from sage_studio.flow.spec_versions import rank
from sage_studio.kernel.json import Json
from sage_studio.sdk.context import Context
from sage_studio.sdk.spec import Choice, Effect, NodeSpec

NodeOutput: TypeAlias = Mapping[str, Any]


class Node(ABC):
    """Base class of every node, built-in or third-party.

    ``run`` receives the values of the wired input ports and returns a mapping of output port →
    value; a port that is left out of the mapping is *not taken*, and what hangs on it alone is
    skipped (this is how ``if_else`` branches). An instance serves one attempt of one node run.
    """

    spec: ClassVar[NodeSpec]
    origin: ClassVar[str] = ""
    """Where another process imports the class from (``package.module:Class``); found by itself for one that
    is written as a class of a module."""
    upgrades: ClassVar[Mapping[str, Callable[[dict[str, Json]], dict[str, Json]]]] = MappingProxyType({})
    """For each version that changed the settings, what makes those of the version before into its own."""
    prepares_from: ClassVar[frozenset[str] | None] = None
    """The settings ``prepare`` reads; None: all. With few of them a node can be prepared while the nodes
    before it still work."""

    async def prepare(self, ctx: Context) -> None:  # noqa: B027 - most nodes have nothing to open
        """Called once before ``run``, perhaps long before and perhaps for nothing: open what the attempt
        needs, and do nothing anybody outside could notice."""

    @abstractmethod
    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput | AsyncIterator[NodeOutput]:
        """Do the work. Raise ``NodeError`` for failures a person should read."""

    async def close(self) -> None:  # noqa: B027 - nor to close
        """Called after ``run`` whatever happened."""

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        """What may happen after a crash, for nodes where it depends on the configuration."""
        return cls.spec.effect

    @classmethod
    def is_deterministic(cls, config: Mapping[str, Json]) -> bool:
        """Whether equal configuration and inputs always give equal outputs: no clock, chance, network."""
        return cls.spec.deterministic

    @classmethod
    def upgrade(cls, config: dict[str, Json], from_version: str) -> dict[str, Json]:
        """Bring a configuration saved by an older version of this node up to date: every step of
        ``upgrades`` since then, in order."""
        for version in sorted(cls.upgrades, key=rank):
            if rank(version) > rank(from_version):
                config = cls.upgrades[version](config)
        return config

    @classmethod
    async def options(cls, ctx: Context, field: str) -> list[Choice]:
        """Choices of a field that depend on the outside world."""
        return []
