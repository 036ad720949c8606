"""Where people stop inside a pipeline: its sources before they start, every other member when its first
items have come, and again at any later items its breakpoint, a step into it or a pause asks for.

Items that stand at the gate have been taken from nobody yet: those before the member fill their queues
and wait. A step through one member ends where items reach the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sage_studio.engine.debugging.places import Place
from sage_studio.engine.debugging.visits import Items, Visit
from sage_studio.engine.plan import Member, PlanNode
from sage_studio.engine.records import has_checkpoint
from sage_studio.engine.streams.reader import Look
from sage_studio.kernel import Problem
from sage_studio.sdk import Chunk

if TYPE_CHECKING:
    from sage_studio.engine.debugging.gate import DebugGate
    from sage_studio.engine.debugging.state import Edits
    from sage_studio.engine.scope import Scope


class PipelineStops:
    """Asks the gate for the members of one pipeline. ``inputs`` are their settled inputs, by slot."""

    def __init__(
        self, scope: Scope, members: Sequence[Member], inputs: Mapping[int, Mapping[str, Any]]
    ) -> None:
        self._scope = scope
        self._members = members
        self._inputs = inputs
        self._places = {member.node.index: Place(member.node.id, scope.path) for member in members}
        self._reached: set[Place] = set()
        self._given: dict[Place, int] = {}
        self.attempt = 0
        self.standing = 0
        self.edits: dict[int, Edits] = {}

    @property
    def _gate(self) -> DebugGate | None:
        debugger = self._scope.run.debugger
        return None if debugger is None else debugger.gate

    async def begin(self, attempt: int) -> bool:
        """Before the first attempt: members that read no live stream stand here. False when the run
        stopped meanwhile."""
        self.attempt = attempt
        for member in self._members:
            gate, place = self._gate, self._places[member.node.index]
            if gate is None or member.reads or self._had_begun(member.node) or not gate.asks(place):
                continue
            visit = self._visit(member.node, self._inputs[member.node.index], Items())
            decision = await self._scope.rest(gate.pass_(visit))
            if decision is None:
                return False
            self.edits[member.node.index] = decision.edits
        return True

    def look_of(self, member: Member) -> Look:
        """Called with what comes on a live input, before the node gets it; answers what it gets."""

        async def look(port: str, items: Sequence[Any]) -> Sequence[Any]:
            gate = self._gate
            return items if gate is None else await self._at(gate, member.node, port, items)

        return look

    async def _at(self, gate: DebugGate, node: PlanNode, port: str, items: Sequence[Any]) -> Sequence[Any]:
        place = self._places[node.index]
        is_first = place not in self._reached and not self._had_begun(node)
        self._reached.add(place)
        before = self._given.get(place, 0)
        self._given[place] = before + len(items)
        if not (gate.asks_reached(place, self._places.values()) if is_first else gate.asks_again(place)):
            return items
        inputs = {**self._inputs[node.index], port: list(items)}
        visit = self._visit(node, inputs, Items(port, before, len(items), is_first=is_first))
        self.standing += 1
        try:
            decision = await gate.pass_(visit)
        finally:
            self.standing -= 1
        if port not in decision.edits.inputs:
            return items
        edited = decision.edits.inputs[port]
        return Chunk(edited if isinstance(edited, list) else [edited])

    async def tries_again(self, node: PlanNode, problem: Problem) -> bool | None:
        """Whether people want one more attempt after the last has failed; None when the run stopped."""
        gate, place = self._gate, self._places[node.index]
        if gate is None or not gate.asks_failed(place):
            return False
        visit = self._visit(node, self._inputs[node.index], Items(), problem)
        decision = await self._scope.rest(gate.pass_(visit))
        return None if decision is None else decision.act == "again"

    def end(self) -> None:
        """All members are settled, or the run has let go of them."""
        if (gate := self._gate) is not None:
            for place in self._places.values():
                gate.left(place)

    def _had_begun(self, node: PlanNode) -> bool:
        """Whether it was under way when the run was taken over: it goes on unasked."""
        held = self._scope.run.progress.nodes.get(self._places[node.index])
        return held is not None and (held.state not in {"queued", "pending"} or has_checkpoint(held))

    def _visit(
        self, node: PlanNode, inputs: Mapping[str, Any], items: Items, problem: Problem | None = None
    ) -> Visit:
        scope = self._scope
        return Visit(
            place=self._places[node.index],
            attempt=self.attempt,
            inputs=inputs,
            config=lambda given: scope.config_of(node, given),
            names=scope.scope_of,
            phase="before" if problem is None else "error",
            problem=problem,
            items=items,
            hold=(lambda inputs, config: self._hold(node, inputs, config)) if items.port else None,
        )

    def _hold(self, node: PlanNode, inputs: Mapping[str, Any], config: Mapping[str, Any] | None) -> None:
        """The record stays what it is, checkpoint and all, with what the node would get."""
        run = self._scope.run
        if (record := self._scope.records.get(node.id)) is not None:
            masked = run.masks.value
            shown = None if config is None else masked(dict(config))
            run.journal.node(record._replace(inputs=masked(dict(inputs)), config=shown))
