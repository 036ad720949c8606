"""What an executor is given: one attempt of one node, described so that it can travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sage_studio.flow.spec import Needs, NodeSpec
from sage_studio.sdk import Context, Node


@dataclass(frozen=True, slots=True)
class NodeCall:
    """One attempt of one node.

    ``origin`` is where its class is imported from (``package.module:Class``). ``config`` has its
    expressions resolved; item fields are ``CompiledItem``. ``timeout_s`` counts from the start of
    the attempt. ``at_most_once`` calls are never begun a second time by an executor. ``needs`` of 0 mean
    whatever the place gives.
    """

    type: str
    version: str
    origin: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    run_id: str = ""
    flow_id: str = ""
    node_id: str = ""
    iteration_path: str = ""
    attempt: int = 1
    idempotency_key: str = ""
    timeout_s: float = 300.0
    at_most_once: bool = False
    is_cpu_bound: bool = False
    stream_ports: frozenset[str] = frozenset()
    needs: Needs = field(default_factory=Needs)


class NodeExecutor(Protocol):
    """A place where nodes run."""

    def takes(self, spec: NodeSpec) -> bool:
        """Whether a node of this type goes there because its flow does; one that names the place itself
        always goes."""
        ...

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        """Run the node there and return its outputs.

        What the node asks of its context is answered by ``context``, which stays here. Raises what
        the node raised, or an ``executor.*`` error about the place. When the caller is cancelled the
        node is stopped before CancelledError goes on, within a few seconds.
        """
        ...

    async def close(self) -> None:
        """Let go of what was kept warm."""
        ...


def origin_of(cls: type[Node]) -> str | None:
    """Where another process can import the class from; None for one made inside a function that does not
    say."""
    if "origin" in vars(cls):
        return cls.origin or None
    if "<locals>" in cls.__qualname__ or cls.__module__ in ("__main__", "__mp_main__"):
        return None
    return f"{cls.__module__}:{cls.__qualname__}"


def may_travel(spec: NodeSpec) -> bool:
    """Whether a type of node can run elsewhere at all: triggers and control nodes steer the run."""
    return not spec.trigger and spec.category != "control" and spec.body is None
