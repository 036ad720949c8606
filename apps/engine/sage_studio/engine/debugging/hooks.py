"""Where the levels of a run meet the gate: a level's own words in, a decision out.

``ActiveRun.debugger`` is a ``RunDebugger`` or None; nothing of this module is touched by a run that
nobody debugs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sage_studio.engine.debugging.gate import DebugGate
from sage_studio.engine.debugging.places import Place
from sage_studio.engine.debugging.visits import GO, Decision, Visit
from sage_studio.engine.records import FINAL_NODE_STATES, NodeRecord
from sage_studio.kernel import JsonObject, Problem, SageError

if TYPE_CHECKING:
    from sage_studio.engine.level import Level
    from sage_studio.engine.plan import PlanNode
    from sage_studio.engine.run import ActiveRun
    from sage_studio.engine.scope import Scope


@dataclass(slots=True)
class _AtWork:
    """What a node at work was given: its inputs, the fields a person edited, its configuration."""

    inputs: Mapping[str, Any]
    edited: Mapping[str, Any]
    config: Mapping[str, Any] | None = None


class RunDebugger:
    """A run's end of its debug session; implements ``Voice`` for the gate."""

    def __init__(self, run: ActiveRun, gate: DebugGate) -> None:
        self._run = run
        self._at_work: dict[Place, _AtWork] = {}
        self._parking: asyncio.TimerHandle | None = None
        # Places whose record says that they stand at the gate.
        self._shown: set[Place] = set()
        self.gate = gate
        gate.attach(self, self._is_settled)

    def _is_settled(self, place: Place) -> bool:
        record = self._run.progress.nodes.get(place)
        return record is not None and record.state in FINAL_NODE_STATES - {"failed"}

    # The level's side

    async def visit(self, scope: Scope, node: PlanNode, inputs: Mapping[str, Any], attempt: int) -> None:
        """Take a ready node to its end, as far as people let it; its next attempt follows ``attempt``."""
        place = Place(node.id, scope.path)
        try:
            decision: Decision | None = GO
            if not _has_begun(scope, node) and self.gate.asks(place):
                visit = _visit(scope, node, attempt + 1, inputs, None)
                decision = await scope.rest(self.gate.pass_(visit))
            if decision is not None:
                await self._do(scope, node, inputs, attempt, decision)
            elif place in self._shown and not self._run.is_resting:
                scope.record(node, attempt + 1, "cancelled", None, self._run.now())
        finally:
            self._at_work.pop(place, None)
            self._shown.discard(place)
            self.gate.left(place)

    async def deals_with(
        self,
        scope: Scope,
        node: PlanNode,
        inputs: Mapping[str, Any],
        attempt: int,
        *,
        began: float,
        problem: Problem,
    ) -> bool:
        """Whether people deal with a last failure themselves: it is tried again, or its outputs are given.
        False lets the flow deal with it."""
        if not self.gate.asks_failed(Place(node.id, scope.path)):
            return False
        visit = _visit(scope, node, attempt, inputs, problem)
        decision = await scope.rest(self.gate.pass_(visit))
        if decision is None:
            return True
        if decision.act == "go":
            return False
        scope.note_retry(node, attempt, began, problem, 0.0)
        await self._do(scope, node, inputs, attempt, decision)
        return True

    async def _do(
        self, scope: Scope, node: PlanNode, inputs: Mapping[str, Any], attempt: int, decision: Decision
    ) -> None:
        edits = decision.edits
        given = {**inputs, **edits.inputs} if edits.inputs else inputs
        place = Place(node.id, scope.path)
        at_work = self._at_work[place] = _AtWork(given, edits.config)
        if decision.act == "inject":
            outputs = decision.outputs or {}
            at_work.config = _resolved(scope, node, given)
            await scope.complete(node, attempt + 1, self._run.now(), outputs, {"injected": True})
        else:
            await scope.work_on(node, given, attempt)

    def look(
        self, scope: Scope, node: PlanNode, inputs: Mapping[str, Any], config: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The configuration an attempt really gets; what it gets is kept for its record."""
        place = Place(node.id, scope.path)
        at_work = self._at_work.setdefault(place, _AtWork(inputs, {}))
        at_work.config = {**config, **at_work.edited} if at_work.edited else config
        return at_work.config

    def with_values(self, record: NodeRecord) -> NodeRecord:
        """The record with what the node got, when it is at work under the debugger."""
        at_work = self._at_work.get(Place(record.node_id, record.iteration_path))
        if at_work is None:
            return record
        value = self._run.masks.value
        config = None if at_work.config is None else value(dict(at_work.config))
        return record._replace(inputs=value(dict(at_work.inputs)), config=config)

    def settled(self, level: Level, node: PlanNode, freed: Iterable[int]) -> None:
        nodes, path = level.plan.nodes, level.path
        self.gate.settled(Place(node.id, path), [Place(nodes[i].id, path) for i in freed])

    def level_ended(self, scope: Scope) -> None:
        if scope.parent is not None:
            self.gate.level_ended(scope.path)

    def _plan_parking(self) -> None:
        """A run that stands while nobody commands it is put down as a row after a while; the next
        command takes it up."""
        if self._parking is not None:
            self._parking.cancel()
            self._parking = None
        stand_for_s = self._run.options.stand_for_s
        if stand_for_s is not None and self.gate.state.current is not None:
            self._parking = self._run.loop.call_later(stand_for_s, self._park)

    def _park(self) -> None:
        self._parking = None
        run = self._run
        if self.is_stopping:
            return
        if run.at_work == 0:
            run.park(run.waiting.next_at())
        else:
            self._plan_parking()

    def close(self) -> None:
        """The run stops: nobody may stand at the gate any longer."""
        if self._parking is not None:
            self._parking.cancel()
        self.gate.close()

    # The gate's side

    @property
    def is_stopping(self) -> bool:
        # A run whose task is cancelled (its worker lost it) says so at its top level only.
        return self._run.is_stopping or self._run.root.is_stopping

    def debug_event(self, type_: str, place: Place | None, attempt: int, data: JsonObject) -> None:
        run = self._run
        if type_ == "debug_state":
            self._plan_parking()
        if place is None:
            run.journal.event(type_, run.now(), None, 0, data)
        else:
            run.journal.event(type_, run.now(), place.node_id, attempt, data, place.path)

    def debug_hold(self, visit: Visit, inputs: Mapping[str, Any], config: Mapping[str, Any] | None) -> None:
        if visit.hold is not None:
            visit.hold(inputs, config)
            return
        masks, place = self._run.masks, visit.place
        self._shown.add(place)
        self._run.journal.node(
            NodeRecord(
                place.node_id,
                place.path,
                visit.attempt,
                "queued",
                None,
                None,
                None,
                visit.problem,
                None,
                inputs=masks.value(dict(inputs)),
                config=None if config is None else masks.value(dict(config)),
            )
        )

    def debug_masked(self, value: Any) -> Any:
        return self._run.masks.value(value)

    def debug_knows(self, node_id: str) -> bool:
        return any(node.id == node_id for node in self._run.plan.whole())

    def debug_cancel(self) -> None:
        self._run.controls.cancel()


def _visit(
    scope: Scope, node: PlanNode, attempt: int, inputs: Mapping[str, Any], problem: Problem | None
) -> Visit:
    return Visit(
        place=Place(node.id, scope.path),
        attempt=attempt,
        inputs=inputs,
        config=lambda given: scope.config_of(node, given),
        names=scope.scope_of,
        phase="before" if problem is None else "error",
        problem=problem,
    )


def _has_begun(scope: Scope, node: PlanNode) -> bool:
    """Whether the node was under way when its run was taken over: it goes on, or tries again, unasked."""
    held = scope.records.get(node.id)
    return held is not None and held.state not in {"queued", "pending"}


def _resolved(scope: Scope, node: PlanNode, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The configuration a node that does not run would have had; None when it cannot be computed."""
    try:
        return scope.config_of(node, inputs)
    except SageError:
        return None
