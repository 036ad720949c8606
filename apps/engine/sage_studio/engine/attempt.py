"""One attempt of one node, as the level, its context and its body know it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sage_studio.engine.plan import PlanNode

if TYPE_CHECKING:
    from sage_studio.engine.bodies import Bodies
    from sage_studio.engine.scope import Scope


class Halting(Protocol):
    """A pipeline, which stops at a barrier."""

    def halt(self, task: asyncio.Task[Any], *, lets_finish: bool) -> None: ...


class Limit(Protocol):
    """Something only so many may hold at once (a semaphore, or a share of ``resources``)."""

    async def acquire(self) -> object: ...

    def release(self) -> None: ...


class Slots:
    """Places of one attempt under the limits of its run, its node and its worker. Always taken in that
    order, so that attempts never wait for each other in a circle."""

    __slots__ = ("_held", "_limits")

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = limits
        self._held: list[Limit] = []

    async def take(self) -> None:
        for limit in self._limits:
            await limit.acquire()
            self._held.append(limit)

    def release(self) -> None:
        while self._held:
            self._held.pop().release()


class Attempt:
    """``task`` and ``limit`` (its time limit) are set once the node really waits; ``bodies`` once a
    container has begun an iteration, ``pipeline`` on the attempt that stands for one; ``waits`` are its
    recorded waits by name."""

    __slots__ = (
        "began", "bodies", "inputs", "is_waiting", "limit", "node", "number", "pipeline", "scope", "slots",
        "task", "waits",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - made once per attempt, where keywords cost
        self,
        scope: Scope,
        node: PlanNode,
        number: int,
        began: float,
        inputs: Mapping[str, Any],
        slots: Slots | None,
    ) -> None:
        self.scope = scope
        self.node = node
        self.number = number
        self.began = began
        self.inputs = inputs
        self.slots = slots
        self.task: asyncio.Task[None] | None = None
        self.limit: asyncio.Timeout | None = None
        self.bodies: Bodies | None = None
        self.pipeline: Halting | None = None
        self.is_waiting = False
        self.waits: dict[str, Any] | None = None

    def load_waits(self) -> dict[str, Any]:
        """Its waits by name, with those that were recorded before the run was taken up."""
        if self.waits is None:
            held = self.scope.records.get(self.node.id)
            known = held.waits if held is not None and held.attempt == self.number else None
            self.waits = {name: dict(entry) for name, entry in (known or {}).items()}
        return self.waits

    @property
    def has_open_wait(self) -> bool:
        return any(not entry.get("done") for entry in self.load_waits().values())

    @property
    def recorded_waits(self) -> Mapping[str, Any] | None:
        """A copy for the record, which must not change afterwards."""
        return None if not self.waits else {name: dict(entry) for name, entry in self.waits.items()}
