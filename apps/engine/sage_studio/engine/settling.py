"""What becomes of the nodes of a level: their records and events, and what they let go on.

Every settled node is journalled. A node with effects settles only when its record is durable;
records of pure nodes go out in shared batches, because a pure node may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sage_studio.engine.failures import Failure
from sage_studio.engine.level import Level
from sage_studio.engine.plan import PlanNode
from sage_studio.engine.records import FINAL_NODE_STATES, NodeRecord, NodeState, as_json_error, count_ports
from sage_studio.engine.restore import LEFT, close_what_is_left, is_taken_up
from sage_studio.kernel import JsonObject, Problem
from sage_studio.sdk import Leave


class Settling(Level):
    """A level with what its nodes come to."""

    async def complete(
        self,
        node: PlanNode,
        attempt: int,
        began: float,
        outputs: Mapping[str, Any],
        data: JsonObject | None = None,
    ) -> None:
        """Record it and let go on what waits for it."""
        self.note_completed(node, attempt, began, outputs, data)
        if node.effect != "pure":
            await self.run.journal.flush()
        self.settle(node, outputs)

    def note_completed(
        self,
        node: PlanNode,
        attempt: int,
        began: float,
        outputs: Mapping[str, Any],
        data: JsonObject | None = None,
        *,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Journal that a node is done; ``ports`` counts the items on each port where that is known."""
        run = self.run
        finished = run.now()
        ports = count_ports(outputs) if ports is None else ports
        stored = run.masks.value(outputs)
        self.record(node, attempt, "completed", began, finished, outputs=stored, ports=ports)
        facts: JsonObject = {
            "duration_ms": round((finished - began) * 1000),
            "items": max(ports.values()) if ports else None,
            "ports": cast(JsonObject, ports),
            "cached": node.cache and node.id in self.cached,
        }
        if data:
            facts.update(data)
        run.journal.event("node_completed", finished, node.id, attempt, facts, self.path)

    async def _complete_leaving(self, node: PlanNode, attempt: int, began: float, left: Leave) -> None:
        """Record the stop together with where it leads, so that a crash right after cannot undo it."""
        finished = self.run.now()
        stored = self.run.masks.value({LEFT: left.to_json()})
        self.record(node, attempt, "completed", began, finished, outputs=stored, ports={})
        facts: JsonObject = {
            "duration_ms": round((finished - began) * 1000),
            "items": None,
            "left": left.what,
        }
        self.run.journal.event("node_completed", finished, node.id, attempt, facts, self.path)
        self.unsettled -= 1
        self.leave(left)

    def skip(self, node: PlanNode, reason: str) -> None:
        now = self.run.now()
        self.record(node, 1, "skipped", None, now)
        self.run.journal.event("node_skipped", now, node.id, 1, {"reason": reason}, self.path)
        self.settle(node, None)

    async def _fail(self, node: PlanNode, attempt: int, began: float, failure: Failure) -> None:
        finished = self.run.now()
        problem = failure.problem
        self.record(node, attempt, "failed", began, finished, error=problem)
        facts: JsonObject = {
            "error": as_json_error(problem),
            "duration_ms": round((finished - began) * 1000),
            "on_error": node.on_error,
        }
        self.run.journal.event("node_failed", finished, node.id, attempt, facts, self.path)
        if node.effect != "pure":
            await self.run.journal.flush()
        self.settle_failed(node, problem)

    def settle_failed(self, node: PlanNode, problem: Problem) -> None:
        """Let a final failure do what the node (or else the flow) says."""
        run = self.run
        if node.on_error == "route":
            self.settle(node, {"error": problem})
        elif node.on_error == "continue":
            self.settle(node, None)
        elif self.parent is None and self.plan.document.settings.on_error == "continue":
            run.first_error = run.first_error or problem
            self.settle(node, None)
        else:
            self.fail(problem)

    def settle_quietly(self, node: PlanNode, outputs: Mapping[str, Any] | None) -> list[int]:
        """Take a node's outputs as given; returns the nodes that wait for nothing any more."""
        self.unsettled -= 1
        if outputs is not None:
            self.outputs[node.index] = outputs
            self.names[node.id] = outputs
        return self.free(node)

    def free(self, node: PlanNode) -> list[int]:
        """The nodes that wait for nothing any more, now that this one is done."""
        waits = self.waits
        freed = []
        for successor in node.successors:
            waits[successor] -= 1
            if not waits[successor]:
                freed.append(successor)
        return freed

    def settle(self, node: PlanNode, outputs: Mapping[str, Any] | None) -> None:
        freed = self.settle_quietly(node, outputs)
        if self.preparing is not None and outputs is not None:
            self.preparing.decided(node, outputs)
        if not self.is_stopping:
            self.ready.extend(freed)
        if self.run.debugger is not None:
            self.run.debugger.settled(self, node, freed)

    def record(
        self,
        node: PlanNode,
        attempt: int,
        state: NodeState,
        began: float | None,
        finished: float | None = None,
        *,
        outputs: Mapping[str, Any] | None = None,
        error: Problem | None = None,
        ports: Mapping[str, int] | None = None,
        waits: Mapping[str, Any] | None = None,
    ) -> None:
        """Journal where an attempt stands."""
        record = NodeRecord(node.id, self.path, attempt, state, began, finished, outputs, error, ports, waits)
        if (self.cpu_s or self.costs) and finished is not None:
            record = record._replace(resources=self._used(node.id))
        if self.run.debugger is not None:
            record = self.run.debugger.with_values(record)
        self._records[node.id] = record
        self.run.journal.node(record)
        if node.body is not None and state in FINAL_NODE_STATES:
            close_what_is_left(self.run, f"{self.path}/{node.id}." if self.path else f"{node.id}.")

    def note_cost(self, node_id: str, micros: int, currency: str) -> None:
        """An attempt has spent money; its record will tell. What is in a second currency is only in the
        log."""
        spent, counted_in = self.costs.get(node_id, (0, currency))
        if counted_in == currency:
            self.costs[node_id] = (spent + micros, currency)

    def _used(self, node_id: str) -> JsonObject | None:
        """What the attempt that ends has taken, as its record says it."""
        used: JsonObject = {}
        if node_id in self.cpu_s:
            used["cpu_ms"] = round(self.cpu_s.pop(node_id) * 1000)
        if node_id in self.costs:
            micros, currency = self.costs.pop(node_id)
            used["cost"] = {"micros": micros, "currency": currency}
        return used or None

    def say(self, type_: str, node_id: str, attempt: int, data: JsonObject) -> None:
        self.run.journal.event(type_, self.run.now(), node_id, attempt, data, self.path)

    def note_retry(
        self,
        node: PlanNode,
        attempt: int,
        began: float,
        problem: Problem,
        wait_s: float,
        *,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Journal a failure that is not the last; ``outputs`` are what the next attempt goes on from."""
        now = self.run.now()
        self.record(node, attempt, "failed", began, now, error=problem, outputs=outputs)
        facts: JsonObject = {"error": as_json_error(problem), "wait_s": round(wait_s, 3), "next": attempt + 1}
        self.run.journal.event("node_retrying", now, node.id, attempt, facts, self.path)

    def _note_cancelled(self, node: PlanNode, attempt: int, began: float) -> None:
        """In a run that only rests, waits and containers are taken up where they are, a node that may be
        repeated is queued again, and one that may not stays "running": its outcome is unknown."""
        if not self.run.is_resting:
            self.record(node, attempt, "cancelled", began, self.run.now())
        elif not node.is_at_most_once and not is_taken_up(node, self.records.get(node.id)):
            self.record(node, attempt, "queued", None)
