"""A person who presses buttons at random, over the random flows of the engine's model.

However a run is stepped, paused and continued, and whoever of its workers dies meanwhile, it must come
to an end (somebody is current whenever it stands still) and do what the model says.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from sage_studio.engine.debugging import Breakpoint, DebugSession, DebugState, read_command
from sage_studio.engine.records import NodeRecord, signal_key
from sage_studio.kernel import Json
from tests.engine.model.leaves import payload_of
from tests.engine.model.play import RUN_ID, Played, Trouble, Worker, _Story, plan_of

STEPS = ("step_over", "step_over", "step_into", "step_into", "step_out", "continue")


class Robot:
    """Answers every stop of one run, over all its workers."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._session = DebugSession()
        self.pressed: Counter[str] = Counter()
        self._seq = 0
        self._is_due = False

    def hold(self, session: DebugSession) -> None:
        """Press the buttons of this session from now on."""
        self._session = session
        session.gate.on_told = self._look

    def _look(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._press)

    def _press(self) -> None:
        self._is_due = False
        gate = self._session.gate
        state = gate.state
        if state.current is None or gate.voice.is_stopping:
            return
        standing = [stop.id for stop in state.stops]
        word = self._dice.choice(STEPS)
        stop = state.current
        if len(standing) > 1 and self._dice.random() < 0.15:
            word, stop = "focus", self._dice.choice(standing)
        elif self._dice.random() < 0.1:
            self._tell("pause")
        elif self._dice.random() < 0.1:
            # Somebody else pressed at a stop that is not current.
            stop = self._dice.choice(standing)
        self._tell(word, stop=stop)

    def _tell(self, word: str, **more: Any) -> None:
        self._seq += 1
        self.pressed[word] += 1
        self._session.tell(read_command({"command": word, **more}, seq=self._seq))


class _DebuggedStory(_Story):
    def __init__(
        self,
        flow: Mapping[str, Any],
        inputs: Mapping[str, Any],
        troubles: Sequence[Trouble],
        threads: ThreadPoolExecutor,
        robot: Robot,
    ) -> None:
        super().__init__(flow, plan_of(flow), inputs, troubles, threads)
        self._robot = robot
        nodes = [node["id"] for node in flow["nodes"]]
        dice = random.Random(len(nodes))
        points = [Breakpoint(node_id) for node_id in nodes if dice.random() < 0.3]
        self._begun = DebugState.begun(points, pause_at_start=dice.random() < 0.5).to_json()

    async def _work(self, worker: Worker) -> None:
        told = [event for event in self.disk.events.get(RUN_ID, []) if event.type == "debug_state"]
        state = DebugState.from_json(told[-1].data if told else self._begun)
        session = DebugSession(state)
        self._robot.hold(session)
        worker.controls.debug(session)
        # A run that stands at a stop is not parked, so what waits for a person is answered while it is held.
        answers = asyncio.get_running_loop().create_task(self._answer(worker))
        try:
            await super()._work(worker)
        finally:
            answers.cancel()

    async def _answer(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(0.01)
            for record in list(self.disk.nodes.get(RUN_ID, {}).values()):
                for name, wait in (record.waits or {}).items():
                    if record.state == "waiting" and not wait.get("done") and not name.startswith("flow"):
                        await self._end_wait(worker, record, name, wait)

    async def _end_wait(self, worker: Worker, record: NodeRecord, name: str, wait: Mapping[str, Any]) -> None:
        if "signal" in wait:
            payload = cast(Json, payload_of(record.node_id, record.iteration_path))
            worker.controls.signal(wait["signal"], payload)
        else:
            await self.clock.sleep_until(wait["until"])
            worker.controls.signal(signal_key(record.node_id, record.iteration_path, name), None)


async def play_debugged(
    flow: Mapping[str, Any], inputs: Mapping[str, Any], troubles: Sequence[Trouble], seed: int
) -> tuple[Played, Counter[str]]:
    """The flow with a robot at its debugger. Raises Violation when it hangs or repeats what was finished."""
    robot = Robot(seed)
    with ThreadPoolExecutor(1) as threads:
        played = await _DebuggedStory(flow, inputs, troubles, threads, robot).play()
    # Nodes that stood at the gate and were cancelled there have a record; the model knows no gate.
    never_begun = [key for key, r in played.nodes.items() if r.state == "cancelled" and r.started_at is None]
    for key in never_begun:
        del played.nodes[key]
    return played, robot.pressed
