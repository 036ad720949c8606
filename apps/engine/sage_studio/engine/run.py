"""What all levels of one run share: its journal, its wishes and signals, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sage_studio.engine.controls import Controls, Wish
from sage_studio.engine.errors import FLOW_TIMEOUT
from sage_studio.engine.executors.call import NodeExecutor
from sage_studio.engine.executors.processes import ProcessPool
from sage_studio.engine.host import Host
from sage_studio.engine.journal import Journal
from sage_studio.engine.masks import Masks
from sage_studio.engine.options import RunOptions
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.preparing import Preparing
from sage_studio.engine.records import FlowState, RunOutcome, RunProgress
from sage_studio.engine.resources import ONE, Amount, ResourcePool
from sage_studio.engine.scope import TURN_S, Scope
from sage_studio.engine.spending import Spending, SpendingPlan
from sage_studio.engine.waiting import Waiting
from sage_studio.kernel import Clock, Problem, SageError, SystemClock

if TYPE_CHECKING:
    from sage_studio.engine.debugging.hooks import RunDebugger
    from sage_studio.engine.debugging.session import DebugSession


@dataclass(eq=False, repr=False, kw_only=True)
class ActiveRun:
    """One run at work. ``root`` is its top level; each iteration of a container adds a level while it
    lasts (``scopes``). ``at_work`` counts node attempts that are doing something, as opposed to waiting
    for a signal or a time.
    """

    plan: Plan
    run_id: str
    flow_id: str
    inputs: Mapping[str, Any]
    host: Host
    journal: Journal
    controls: Controls
    threads: ThreadPoolExecutor
    clock: Clock
    progress: RunProgress
    options: RunOptions

    def __post_init__(self) -> None:
        clock, options = self.clock, self.options
        self.masks = Masks(self.host.secrets_seen)
        self.loop = asyncio.get_running_loop()
        self.now = time.time if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()
        # In whole microseconds, as it is kept: whoever takes the run over must see the same moment.
        self.started_at = self.progress.started_at or round(self.now() * 1e6) / 1e6
        self.outcome: RunOutcome | None = None
        self.first_error: Problem | None = None
        self.is_stopping = False
        self.is_drained = False
        self.is_let_go = False
        self.at_work = 0
        self.turn_at = self.loop.time() + TURN_S
        self.scopes: set[Scope] = set()
        limit = self.plan.document.settings.concurrency
        self.slots = ResourcePool(Amount(limit * ONE.milli_cpu)) if limit else None
        self.has_limits = self.slots is not None or options.resources is not None
        self.node_slots: dict[str, asyncio.Semaphore] = {}
        self.waiting = Waiting(self)
        self.spending = Spending(self, options.spending or SpendingPlan())
        self.debugger: RunDebugger | None = None
        self._time_limit: asyncio.TimerHandle | None = None
        self._cheap: dict[int, tuple[bool, ...]] = {}
        self.root = Scope(self, self.plan)
        self.preparing = None if options.branches is None else Preparing(self, options.branches)

    async def perform(self) -> None:
        """Run every ready node and those that follow, until nothing is left or the run stops."""
        self.controls.on_wish(self._heed)
        self.controls.on_signal(self.waiting.deliver)
        self._time_limit = self._arm_time_limit()
        self.controls.on_debug(self._begin_debugging)
        try:
            if self.preparing is not None:
                self.preparing.begin(self.root)
            await self.root.perform()
        finally:
            if self.preparing is not None:
                await self.preparing.end()
            self._end_time_limit()
            self.waiting.close()

    def _begin_debugging(self, session: DebugSession) -> None:
        """A debugged run may stand still for as long as people look at it: time limits end."""
        self._end_time_limit()
        for scope in self.scopes:
            scope.open_time_limits()
        self.debugger = session.attach(self)

    def _end_time_limit(self) -> None:
        if self._time_limit is not None:
            self._time_limit.cancel()
            self._time_limit = None

    async def conclude(self) -> RunOutcome:
        """How the run ended, once ``perform`` has returned; a flow output that cannot be computed
        fails the run. A run that was to pause and had nothing left to do has ended all the same."""
        outcome = self.outcome
        if outcome is not None and not (outcome.reason == "requested" and self._is_all_done(outcome)):
            return outcome
        if self.is_drained and not self.root.is_finished:
            return RunOutcome(FlowState.READY, reason="drained")
        if self.first_error is not None:
            return RunOutcome(FlowState.FAILED, error=self.first_error)
        try:
            return RunOutcome(FlowState.COMPLETED, outputs=await self.root.flow_outputs())
        except SageError as error:
            return RunOutcome(FlowState.FAILED, error=error.problem())

    def _is_all_done(self, outcome: RunOutcome) -> bool:
        return outcome.state is FlowState.PAUSED and self.root.is_finished

    @property
    def deadline_at(self) -> float | None:
        """When the flow's time limit ends, in seconds since the epoch; it counts from the run's first
        beginning, whoever has the run."""
        limit_s = self.plan.document.settings.timeout_s
        return None if limit_s is None else self.started_at + limit_s

    def _arm_time_limit(self) -> asyncio.TimerHandle | None:
        deadline_at = self.deadline_at
        if deadline_at is None:
            return None
        error = SageError(FLOW_TIMEOUT, {"timeout_s": self.plan.document.settings.timeout_s}).problem()
        left_s = deadline_at - self.now()
        return self.loop.call_later(max(left_s, 0), lambda: self.stop(RunOutcome(FlowState.FAILED, error)))

    def _heed(self, wish: Wish) -> None:
        if wish == "drain":
            self.is_drained = True
            self.stop(None)
        elif wish == "pause":
            self.stop(RunOutcome(FlowState.PAUSED, reason="requested"), lets_finish=True)
        else:
            self.stop(RunOutcome(FlowState.CANCELLED, reason="requested"))

    def stop(self, outcome: RunOutcome | None, *, lets_finish: bool = False) -> None:
        """Start nothing more, on any level.

        Nodes that may be repeated are cancelled now; those whose outcome must be known (all of them
        when draining) get the grace. With ``lets_finish`` only waits are cut short. The first outcome
        stands, but a wish to cancel or drain, and the flow's time limit, replace a pause that is still under
        way: it lets nodes at work finish, however long they take.
        """
        if self.is_stopping and not self._overrules(outcome):
            return
        self.is_stopping = True
        self.outcome = outcome
        self.root.halt(lets_finish=lets_finish)
        for scope in list(self.scopes):
            # Levels that are being taken up: no container is known to wait for them yet.
            if not scope.is_stopping:
                scope.is_interrupted = True
                scope.halt(lets_finish=lets_finish)
        if self.debugger is not None:
            self.debugger.close()
        if not lets_finish:
            self.loop.call_later(self.controls.grace_s, self.root.abandon)

    def _overrules(self, outcome: RunOutcome | None) -> bool:
        if outcome is None or outcome.state is FlowState.CANCELLED:
            return self.outcome is None or not self.outcome.state.is_final
        is_pausing = self.outcome is not None and self.outcome.state is FlowState.PAUSED
        is_late = outcome.error is not None and outcome.error["code"] == FLOW_TIMEOUT.code
        return is_pausing and is_late

    def is_spared(self, *, is_at_most_once: bool) -> bool:
        """Whether a node at work gets the grace rather than being cancelled at once."""
        return self.is_drained or is_at_most_once

    @property
    def is_resting(self) -> bool:
        """Whether the run stops only for a while: it is drained, paused or parked."""
        return self.is_drained or (self.outcome is not None and not self.outcome.state.is_final)

    # Parking

    def is_idle(self) -> bool:
        """Whether everything that is left waits for a time or a signal."""
        return self.at_work == 0 and all(scope.is_idle for scope in self.scopes)

    def park(self, wake_at: float | None) -> None:
        """Let the run go until ``wake_at`` or a signal; whoever takes it up goes on from its records."""
        self.stop(RunOutcome(FlowState.RUNNING, reason="waiting", wake_at=wake_at))

    def cheap_of(self, plan: Plan) -> Sequence[bool] | None:
        """The nodes of a level that may be run by a bare call, by slot (``fused``); those that run at
        another place are none."""
        if plan.hints is None:
            return None
        executors = self.options.executors
        if executors is None or not executors.spreads(self.plan.document.settings.executor):
            return plan.hints.cheap
        known = self._cheap.get(id(plan))
        if known is None:
            known = self._cheap[id(plan)] = tuple(
                is_cheap and self.place_of(node) is None
                for is_cheap, node in zip(plan.hints.cheap, plan.nodes, strict=True)
            )
        return known

    def place_of(self, node: PlanNode) -> NodeExecutor | None:
        """Where a node's attempts run; None is here."""
        executors = self.options.executors
        return None if executors is None else executors.place_of(node, self.plan.document.settings.executor)

    def works_here(self, node: PlanNode) -> bool:
        """Whether the node's attempts take their share of this machine."""
        place = self.place_of(node)
        return place is None or isinstance(place, ProcessPool)

    def find_limit(self, node_id: str, limit: int) -> asyncio.Semaphore:
        """The node's own limit over all levels and iterations."""
        slots = self.node_slots.get(node_id)
        if slots is None:
            slots = self.node_slots[node_id] = asyncio.Semaphore(limit)
        return slots
