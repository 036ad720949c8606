"""Doing a chunk for another worker's run: the iterations run as they would there, over a store that forgets.

The level the container stands in exists by what the call says of it; nothing in it runs but the iterations.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.bodies import Bodies
from sage_studio.engine.chunks import DECLINED, ChunkAnswer, ChunkCall, End, level_of
from sage_studio.engine.controls import Controls
from sage_studio.engine.host import Host
from sage_studio.engine.inputs import NOTHING
from sage_studio.engine.journal import Journal
from sage_studio.engine.options import RunOptions
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.records import RunProgress
from sage_studio.engine.run import ActiveRun
from sage_studio.engine.scope import Scope
from sage_studio.engine.store import MemoryRunStore
from sage_studio.engine.waiting import Waiting
from sage_studio.flow.sections import ONLY_SECTION
from sage_studio.kernel import Clock, SystemClock
from sage_studio.sdk import BodyFailed

if TYPE_CHECKING:
    from sage_studio.engine.plan import BodyPlan


async def do_chunk(
    plan: Plan,
    call: ChunkCall,
    *,
    host: Host,
    threads: ThreadPoolExecutor,
    options: RunOptions,
    clock: Clock | None = None,
) -> ChunkAnswer:
    """Run a chunk of a run of ``plan``; declined where that is not possible here. When the caller is
    cancelled, what is at work is stopped first."""
    found = level_of(plan, call.container)
    if found is None or found[1].body is None:
        return DECLINED
    store = MemoryRunStore()
    progress = RunProgress(started_at=call.started_at)
    level, node = found
    try:
        async with asyncio.TaskGroup() as group:
            journal = Journal(store, call.run_id, progress, group)
            run = ActiveRun(
                plan=plan,
                run_id=call.run_id,
                flow_id=call.flow_id,
                inputs=NOTHING,
                host=host,
                journal=journal,
                controls=Controls(),
                threads=threads,
                clock=clock or SystemClock(),
                progress=progress,
                options=options,
            )
            work = _Work(run, level, node, call)
            try:
                await work.perform(group)
                await journal.end()
            finally:
                journal.close()
    except BaseExceptionGroup as failures:
        # The journal writes to memory and cannot fail: the error is the work's own.
        raise failures.exceptions[0] from None
    records, events = store.nodes.get(call.run_id, {}), store.events.get(call.run_id, [])
    answer = ChunkAnswer(work.ends, list(records.values()), events)
    return answer.declined() if work.is_declined else answer


class _Work:
    """The iterations of one chunk."""

    def __init__(self, run: ActiveRun, plan: Plan, node: PlanNode, call: ChunkCall) -> None:
        self._run = run
        self._call = call
        self._attempt = Attempt(_level(run, plan, call), node, call.attempt, run.now(), NOTHING, None)
        self._body: BodyPlan | None = node.body
        self.is_declined = False
        self.ends: list[End] = []

    async def perform(self, group: asyncio.TaskGroup) -> None:
        run, attempt = self._run, self._attempt
        task = attempt.task = group.create_task(self._iterate())
        # So that whatever stops the run (no money, a stop node) stops this.
        run.root = attempt.scope
        run.waiting = _NoWaits(run, self._decline)
        attempt.scope.at_work[task] = attempt
        run.at_work += 1
        await asyncio.wait({task})
        self.is_declined = self.is_declined or task.cancelled() or run.is_stopping

    def _decline(self) -> None:
        self.is_declined = True
        if self._attempt.task is not None:
            self._attempt.task.cancel()

    async def _iterate(self) -> None:
        assert self._body is not None
        bodies = self._attempt.bodies = Bodies(self._attempt, self._body)
        for index, given in self._call.rounds:
            try:
                done = await bodies.run(index, given, ONLY_SECTION)
            except BodyFailed as failure:
                self.ends.append(End(None, {}, failure.problem))
                if self._call.stops_at_failure:
                    return
                continue
            if done.left is not None:
                # How far a loop goes is for whoever sees all of it.
                self.is_declined = True
                return
            self.ends.append(End(done.value, done.fields))


class _NoWaits(Waiting):
    """Nothing waits for a time or a signal here: a wait belongs to the run's own records."""

    def __init__(self, run: ActiveRun, decline: Any) -> None:
        super().__init__(run)
        self._decline = decline

    async def wait(self, *_: Any, **__: Any) -> NoReturn:
        self._decline()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody completes this future")


def _level(run: ActiveRun, plan: Plan, call: ChunkCall) -> Scope:
    """The level the container stands in, as far as its body can see it."""
    level = Scope(run, plan, path=call.path)
    level.names = {**call.names, **call.imports}
    level.outputs += [None] * (len(plan.index) - len(plan.nodes))
    for node_id, outputs in call.imports.items():
        level.outputs[plan.index[node_id]] = outputs
    return level
