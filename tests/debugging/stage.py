"""A gate on a stage: a run that only writes down what it is told, and nodes that arrive on cue."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sage_studio.engine.debugging import (
    Breakpoint,
    DebugGate,
    DebugState,
    Decision,
    Place,
    Visit,
    act,
    read_command,
)
from sage_studio.kernel import JsonObject, Problem, SageError

Names = Mapping[str, Any]


def place(where: str) -> Place:
    """``loop_1.0@1/add`` as a place."""
    path, _, node_id = where.rpartition("/")
    return Place(node_id, path)


def named(at: Place) -> str:
    return f"{at.path}/{at.node_id}" if at.path else at.node_id


class Stage:
    """Implements ``Voice``."""

    def __init__(self, *breakpoints: Breakpoint, pause_at_start: bool = False) -> None:
        self.begin(DebugState.begun(list(breakpoints), pause_at_start=pause_at_start))

    def begin(self, state: DebugState, settled: frozenset[str] = frozenset()) -> None:
        self.is_stopping = False
        self.events: list[tuple[str, str, JsonObject]] = []
        self.holds: list[tuple[str, Any, Any]] = []
        self.passed: dict[str, Decision] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.is_cancelled = False
        self.gate = DebugGate(state)
        self.gate.attach(self, lambda at: named(at) in settled)

    # The run, as the gate sees it

    def debug_event(self, type_: str, at: Place | None, attempt: int, data: JsonObject) -> None:
        self.events.append((type_, named(at) if at else "", data))

    def debug_hold(self, visit: Visit, inputs: Names, config: Names | None) -> None:
        self.holds.append((named(visit.place), dict(inputs), config))

    def debug_masked(self, value: Any) -> Any:
        return value

    def debug_knows(self, node_id: str) -> bool:
        return node_id != "nowhere"

    def debug_cancel(self) -> None:
        self.is_cancelled = True

    # What a test does

    async def arrive(self, *wheres: str, inputs: Names | None = None, problem: Problem | None = None) -> None:
        """Let nodes come to the gate, one after another."""
        for where in wheres:
            visit = Visit(
                place=place(where),
                attempt=1,
                inputs=inputs or {},
                config=lambda given: {"text": f"for {given.get('value')}"},
                names=lambda roots, given: {root: (inputs or {}).get(root) for root in roots},
                phase="error" if problem else "before",
                problem=problem,
            )
            self.passed.pop(where, None)
            self.tasks[where] = asyncio.get_running_loop().create_task(self._come(where, visit))
            await self.turn()

    async def _come(self, where: str, visit: Visit) -> None:
        if visit.phase == "error" or self.gate.asks(visit.place):
            self.passed[where] = await self.gate.pass_(visit)
        else:
            self.passed[where] = Decision()

    async def settle(self, where: str, *freed: str) -> None:
        self.gate.settled(place(where), [place(other) for other in freed])
        self.gate.left(place(where))
        await self.turn()

    async def tell(self, word: str, **more: Any) -> SageError | None:
        refusal = act(self.gate, read_command({"command": word, **more}))
        await self.turn()
        return refusal

    async def turn(self) -> None:
        for _ in range(4):
            await asyncio.sleep(0)

    async def crash(self, *settled: str) -> None:
        """The worker dies; another goes on from the last ``debug_state`` that was written."""
        shape = [data for type_, _, data in self.events if type_ == "debug_state"][-1]
        self.is_stopping = True
        for task in self.tasks.values():
            task.cancel()
        await self.turn()
        self.begin(DebugState.from_json(shape), frozenset(settled))

    @property
    def current(self) -> str | None:
        stop = self.gate.state.stop(self.gate.state.current)
        return named(stop.place) if stop else None

    @property
    def stop(self) -> str:
        """The id of the current stop."""
        assert self.gate.state.current is not None
        return self.gate.state.current

    def stop_at(self, where: str) -> str:
        return next(stop.id for stop in self.gate.state.stops if named(stop.place) == where)

    @property
    def standing(self) -> dict[str, str]:
        return {named(stop.place): stop.reason for stop in self.gate.state.stops}
