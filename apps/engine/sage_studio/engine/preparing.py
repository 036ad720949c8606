"""Costly resources of the likely branch, opened while the nodes before it still work.

At the start of a run the branch history (``prediction``) is asked about every branching node of the top
level. Nodes behind a likely branch that have a
``prepare`` of their own and a configuration that depends on nothing still to come are prepared: an
instance is made and its ``prepare`` called. If the node runs, that instance runs; if not, it is closed.
Nothing ever runs because of a prediction, and a preparation that fails is forgotten: the node then
prepares itself and meets the error in its own place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.context import RunContext
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.prediction import LIKELY, BranchHistory, Prediction, Scorecard, features_of
from sage_studio.sdk import Context, Node

if TYPE_CHECKING:
    from sage_studio.engine.run import ActiveRun
    from sage_studio.engine.scope import Scope

_RUN_ONLY = frozenset({"flow", "run", "vars"})
_CLOSING_S = 2.0


@dataclass(slots=True)
class BranchLearning:
    """What a flow has learned, for one run to use and to add to; kept by whoever runs flows."""

    history: BranchHistory
    card: Scorecard


class _Prepared:
    """An instance being prepared, or prepared."""

    def __init__(self, instance: Node, context: RunContext) -> None:
        self.instance = instance
        self.began = time.perf_counter()
        self.took_ms = 0.0
        self.task = asyncio.get_running_loop().create_task(self._prepare(context))

    async def _prepare(self, context: RunContext) -> bool:
        try:
            await self.instance.prepare(cast(Context, context))
        except Exception:  # noqa: BLE001 - the node meets it again where it belongs, in its own attempt
            return False
        self.took_ms = (time.perf_counter() - self.began) * 1000
        return True

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task], timeout=_CLOSING_S)
        try:
            async with asyncio.timeout(_CLOSING_S):
                await self.instance.close()
        except Exception:  # noqa: BLE001 - nobody needs it any more
            return


class Preparing:
    """The preparations of one run."""

    def __init__(self, run: ActiveRun, learning: BranchLearning) -> None:
        self._run = run
        self._learning = learning
        self._features = features_of(run.inputs)
        self._branches = {
            node.index: _first_behind(run.plan, node) for node in run.plan.nodes if is_branching(node)
        }
        self._predicted: dict[int, Prediction] = {}
        self._ready: dict[int, _Prepared] = {}

    def begin(self, scope: Scope) -> None:
        """Predict every branch of the top level and prepare behind the likely ones."""
        for slot, behind in self._branches.items():
            node = scope.plan.nodes[slot]
            prediction = self._learning.history.predict(node.id, self._features)
            if prediction is None or node.id in scope.records:
                continue
            self._predicted[slot] = prediction
            if prediction.probability >= LIKELY:
                for target in behind.get(prediction.branch, ()):
                    self._prepare(scope, scope.plan.nodes[target])

    def _prepare(self, scope: Scope, node: PlanNode) -> None:
        if node.index in self._ready or not may_prepare(node) or self._run.place_of(node) is not None:
            return
        assert node.node_class is not None, "a node without a class is not prepared"
        try:
            config = _config_for(node)
            config = scope.config_of(node, {}) if config is None else config
        except Exception:  # noqa: BLE001 - its own attempt says what is wrong with it
            return
        attempt = Attempt(scope, node, 1, self._run.now(), {}, None)
        context = RunContext(attempt, config, self._run.now() + node.timeout_s)
        self._ready[node.index] = _Prepared(node.node_class(), context)
        self._learning.card.prepared += 1

    def decided(self, node: PlanNode, outputs: Mapping[str, Any]) -> None:
        """A node of the top level has settled with these outputs."""
        if node.index not in self._branches:
            return
        branch = next((port for port in outputs if port in self._branches[node.index]), None)
        if branch is None:
            return
        prediction = self._predicted.pop(node.index, None)
        if prediction is not None:
            self._learning.card.predicted(hit=prediction.branch == branch)
        self._learning.history.observe(node.id, branch, self._features)

    async def take(self, node: PlanNode) -> Node | None:
        """The prepared instance of a node that is about to run, once it is ready; None to make one."""
        prepared = self._ready.pop(node.index, None)
        if prepared is None:
            return None
        began = time.perf_counter()
        try:
            is_ready = await prepared.task
        except asyncio.CancelledError:
            # The run stops while it waits: ``end`` closes it.
            self._ready[node.index] = prepared
            raise
        if not is_ready:
            self._learning.card.failed += 1
            await prepared.close()
            return None
        waited_ms = (time.perf_counter() - began) * 1000
        self._learning.card.used += 1
        self._learning.card.saved_ms += max(prepared.took_ms - waited_ms, 0.0)
        return prepared.instance

    async def end(self) -> None:
        """Close what nobody used, and count it as wasted."""
        left, self._ready = list(self._ready.values()), {}
        for prepared in left:
            await prepared.close()
            spent_ms = prepared.took_ms or (time.perf_counter() - prepared.began) * 1000
            self._learning.card.wasted_ms += spent_ms


def is_branching(node: PlanNode) -> bool:
    """Whether a node may leave some of its ports out, and has several."""
    return node.spec is not None and not node.spec.gives_all and len(node.spec.outputs) > 1


def may_prepare(node: PlanNode) -> bool:
    """Whether the node has something to prepare and can do it now: what its preparation reads of its
    configuration is set, or depends on nothing but the flow and the run."""
    cls = node.node_class
    if cls is None or cls.prepare is Node.prepare or node.blocking or node.disabled or node.binding.handed:
        return False
    if node.pinned is not None or node.body is not None or node.cache:
        return False
    if cls.prepares_from is not None:
        return cls.prepares_from <= node.binding.constants.keys() and cls.prepares_from.isdisjoint(
            node.wired_fields
        )
    return not node.wired_fields and node.binding.roots <= _RUN_ONLY


def _config_for(node: PlanNode) -> Mapping[str, Any] | None:
    """The settings a preparation reads, where the node says which; None for all."""
    names = node.node_class.prepares_from if node.node_class is not None else None
    return None if names is None else {name: node.binding.constants[name] for name in names}


def _first_behind(plan: Plan, branching: PlanNode) -> dict[str, list[int]]:
    """For each branch the nodes that can only be reached through it, nearest first."""
    found: dict[str, list[int]] = {port.name: [] for port in branching.spec.outputs} if branching.spec else {}
    owner: dict[int, str | None] = {}
    for slot in plan.order:
        ways: set[Any] = set()
        for wired in plan.nodes[slot].inputs:
            for source, port in wired.sources:
                ways.add(port if source == branching.index else owner.get(source))
        if len(ways) == 1 and (branch := next(iter(ways))) is not None:
            owner[slot] = branch
            found.setdefault(branch, []).append(slot)
    return found
