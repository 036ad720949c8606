"""Debugging from Python: breakpoints, steps and values, over ``LocalExecutor``.

.. code-block:: python

    with LocalExecutor(host) as executor:
        debugger = Debugger(executor, engine.compile(graph))
        debugger.node("retriever_1").set_breakpoint(condition="inputs.top_k > 3")
        stop = await debugger.start({"text": "What is SAGE?"})
        while stop is not None:
            print(stop.node_id, stop.inputs)
            stop = await debugger.step_over()
        print(debugger.result)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sage_studio.engine.controls import Controls
from sage_studio.engine.debugging.commands import DebugCommand, Word, check_breakpoint
from sage_studio.engine.debugging.session import DebugSession
from sage_studio.engine.debugging.state import Breakpoint, DebugState, Edits, Phase, Reason
from sage_studio.engine.plan import Plan
from sage_studio.engine.records import RunResult
from sage_studio.kernel import Problem


class Runs(Protocol):
    """What a debugger needs of an executor."""

    async def run(
        self,
        flow: Plan,
        inputs: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        controls: Controls | None = None,
    ) -> RunResult: ...


@dataclass(frozen=True, slots=True)
class StoppedAt:
    """Where a run stands: before a node (or behind its failure), with what the node would get."""

    id: str
    node_id: str
    iteration_path: str
    attempt: int
    phase: Phase
    reason: Reason
    inputs: Mapping[str, Any]
    config: Mapping[str, Any] | None
    error: Problem | None
    note: str


class NodeBreakpoints:
    """The breakpoints of one node."""

    def __init__(self, debugger: Debugger, node_id: str) -> None:
        self._debugger = debugger
        self._node_id = node_id

    def set_breakpoint(
        self, *, condition: str = "", hit_count: int = 1, log: str = "", on: Phase = "before"
    ) -> None:
        """Stop before this node (``on="error"``: when it has failed). Raises SageError when the condition
        cannot be read."""
        self._debugger.put(Breakpoint(self._node_id, on, condition, hit_count, log))

    def clear_breakpoint(self, *, on: Phase = "before") -> None:
        self._debugger.remove(self._node_id, on)


class Debugger:
    """Drives one run at a time. Steps return where the run stands next, or None when it has ended."""

    def __init__(self, executor: Runs, flow: Plan) -> None:
        self._executor = executor
        self._flow = flow
        self._breakpoints: dict[tuple[str, str], Breakpoint] = {}
        self._session = DebugSession()
        self._told = asyncio.Event()
        self._task: asyncio.Task[RunResult] | None = None
        self.controls = Controls()
        self.result: RunResult | None = None

    # Breakpoints

    def node(self, node_id: str) -> NodeBreakpoints:
        return NodeBreakpoints(self, node_id)

    def put(self, point: Breakpoint) -> None:
        check_breakpoint(point)
        self._breakpoints[point.key] = point
        if self.is_running:
            self._act(DebugCommand("set_breakpoint", breakpoints=(point,)))

    def remove(self, node_id: str, on: Phase = "before") -> None:
        self._breakpoints.pop((node_id, on), None)
        if self.is_running:
            self._act(DebugCommand("clear_breakpoint", node_id=node_id, on=on))

    # The run

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        pause_at_start: bool = False,
        run_id: str | None = None,
    ) -> StoppedAt | None:
        """Begin a run and go to its first stop."""
        assert not self.is_running, "one run at a time"
        state = DebugState.begun(list(self._breakpoints.values()), pause_at_start=pause_at_start)
        self._session = DebugSession(state)
        self._session.gate.on_told = self._told.set
        self.controls = Controls()
        self.controls.debug(self._session)
        self.result = None
        self._task = asyncio.get_running_loop().create_task(
            self._executor.run(self._flow, inputs, run_id=run_id, controls=self.controls)
        )
        self._task.add_done_callback(lambda _: self._told.set())
        return await self.wait()

    @property
    def stopped_at(self) -> StoppedAt | None:
        """Where the run stands; None while it moves and when it has ended."""
        return self._view(self._session.gate.state.current)

    @property
    def standing(self) -> list[StoppedAt]:
        """All nodes that stand at the gate, in order of arrival."""
        views = (self._view(stop.id) for stop in self._session.gate.state.stops)
        return [view for view in views if view is not None]

    async def wait(self) -> StoppedAt | None:
        """Until the run stands somewhere (None: it has ended). Raises what ended the run by force."""
        assert self._task is not None, "start a run first"
        while True:
            self._told.clear()
            if self._task.done():
                self.result = self._task.result()
                return None
            if (view := self.stopped_at) is not None:
                return view
            await self._told.wait()

    async def step_over(self, stop: StoppedAt | None = None) -> StoppedAt | None:
        """Run the node with all that is inside it, and stop at what follows."""
        return await self._move("step_over", stop)

    async def step_into(self, stop: StoppedAt | None = None) -> StoppedAt | None:
        """Stop at the first node inside the container."""
        return await self._move("step_into", stop)

    async def step_out(self, stop: StoppedAt | None = None) -> StoppedAt | None:
        """Finish the container the node is in, and stop at what follows."""
        return await self._move("step_out", stop)

    async def continue_(self, stop: StoppedAt | None = None) -> StoppedAt | None:
        """Go on to the next breakpoint."""
        return await self._move("continue", stop)

    async def run_to(self, node_id: str, stop: StoppedAt | None = None) -> StoppedAt | None:
        """Go on, and stop before this node."""
        return await self._move("run_to", stop, node_id=node_id)

    async def again(self, stop: StoppedAt | None = None) -> StoppedAt | None:
        """Try a failed node once more."""
        return await self._move("again", stop)

    async def set_outputs(
        self, outputs: Mapping[str, Any], stop: StoppedAt | None = None
    ) -> StoppedAt | None:
        """Let these be the node's outputs instead of running it, and stop at what follows."""
        return await self._move("set_outputs", stop, outputs=outputs)

    def set_inputs(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        stop: StoppedAt | None = None,
    ) -> None:
        """Replace ports and configuration fields of the node the run stands at."""
        edits = Edits(dict(inputs or {}), dict(config or {}))
        self._act(DebugCommand("set_inputs", self._id_of(stop), edits=edits))

    def pause(self) -> None:
        """Start nothing new; ``wait`` gives the node that would have been next."""
        self._act(DebugCommand("pause"))

    def cancel(self) -> None:
        """Ask the run to end, from a signal handler for one."""
        self.controls.cancel()

    async def stop(self) -> RunResult | None:
        """End the run; None when it had ended before."""
        if self._task is None or self._task.done():
            return None
        self._act(DebugCommand("stop"))
        self.result = await self._task
        return self.result

    async def _move(
        self,
        word: Word,
        stop: StoppedAt | None,
        *,
        node_id: str = "",
        outputs: Mapping[str, Any] | None = None,
    ) -> StoppedAt | None:
        self._act(DebugCommand(word, self._id_of(stop), node_id=node_id, outputs=outputs))
        return await self.wait()

    def _id_of(self, stop: StoppedAt | None) -> str | None:
        return self._session.gate.state.current if stop is None else stop.id

    def _act(self, command: DebugCommand) -> None:
        refusal = self._session.tell(command)
        if refusal is not None:
            raise refusal

    def _view(self, stop_id: str | None) -> StoppedAt | None:
        stop = self._session.gate.state.stop(stop_id)
        visit = self._session.gate.visit_at(stop.id) if stop else None
        if stop is None or visit is None:
            return None
        inputs, config, wrong = visit.seen(stop.edits)
        return StoppedAt(
            id=stop.id,
            node_id=stop.place.node_id,
            iteration_path=stop.place.path,
            attempt=stop.attempt,
            phase=stop.phase,
            reason=stop.reason,
            inputs=inputs,
            config=config,
            error=visit.problem,
            note=wrong or stop.note,
        )
