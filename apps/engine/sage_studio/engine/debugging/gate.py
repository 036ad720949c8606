"""The gate every node of a debugged run passes; see the package for what stops, steps and who waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sage_studio.engine.debugging.conditions import breakpoint_met
from sage_studio.engine.debugging.places import Place
from sage_studio.engine.debugging.previews import preview
from sage_studio.engine.debugging.state import (
    ANY_NODE,
    FREE,
    NOBODY,
    DebugState,
    Pass,
    Phase,
    Reason,
    Stop,
)
from sage_studio.engine.debugging.visits import GO, Decision, Visit, Voice
from sage_studio.kernel import JsonObject, json_object


@dataclass(slots=True)
class Thread:
    """Where the run goes on after a step: nodes freed by the one that settled, else whatever comes next
    inside ``container`` (None: the top)."""

    pending: set[Place]
    container: Place | None

    def meets(self, place: Place) -> bool:
        if self.pending:
            return place in self.pending
        return self.container is not None and self.container.holds(place)


class _Held:
    """A node that stands at the gate in this process."""

    __slots__ = ("answer", "visit")

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()


class DebugGate:
    """Holds nodes and lets them go. Lives on the run's event loop; ``attach`` it to a run first."""

    def __init__(self, state: DebugState | None = None) -> None:
        self.state = state or DebugState()
        self._voice: Voice | None = None
        self._held: dict[str, _Held] = {}
        self._thread: Thread | None = None
        # Stops of an earlier worker whose nodes have not come back to the gate yet, and what a person
        # decided about them meanwhile.
        self._expected: dict[tuple[Place, Phase], Stop] = {}
        self._decided: dict[tuple[Place, Phase], Decision] = {}
        self._is_state_due = False
        # Called whenever the state has been told; for whoever drives the run from this process.
        self.on_told: Callable[[], None] = lambda: None

    # The run's side

    def attach(self, voice: Voice, is_settled: Callable[[Place], bool] = lambda place: False) -> None:
        """Begin, or go on after another worker: places that settled before it stopped wait for nobody."""
        self._voice = voice
        state = self.state
        state.released = [place for place in state.released if not is_settled(place)]
        for stop in list(state.stops):
            if is_settled(stop.place):
                self._forget(stop)
            else:
                # A failed attempt died with its worker; its node comes back before the next one.
                stop.phase = "before"
        self._expected = {stop.key: stop for stop in state.stops}
        if state.passing.place is not None and is_settled(state.passing.place):
            state.passing, state.arrival = NOBODY, "step"
        self.say_state()

    @property
    def voice(self) -> Voice:
        assert self._voice is not None, "attach the gate to a run first"
        return self._voice

    def asks(self, place: Place) -> bool:
        """Whether a node must come to the gate; cheap, because every node of a debugged run is asked."""
        state = self.state
        return (
            state.passing.kind != "free"
            or (place.node_id, "before") in state.breakpoints
            or state.run_to == place.node_id
            or (place, "before") in self._expected
            or (place, "before") in self._decided
        )

    def asks_again(self, place: Place) -> bool:
        """Whether a node that is at work on a stream must come to the gate with what comes next."""
        state = self.state
        is_open = state.passing.kind == "none" and state.current is None and self._thread is None
        return (
            (place.node_id, "before") in state.breakpoints
            or (state.passing.into and state.passing.place == place)
            or (place, "before") in self._expected
            or (place, "before") in self._decided
            or (is_open and not state.stops)
        )

    def asks_reached(self, place: Place, members: Iterable[Place]) -> bool:
        """Whether a member of a pipeline must come to the gate with its first items. A step through another
        member ends there; a step into one, which is about its next items, lets them pass."""
        passing = self.state.passing
        if passing.place is not None and passing.place != place and passing.place in members:
            if passing.into and (place.node_id, "before") not in self.state.breakpoints:
                return False
            self._end_step({place}, place.parent)
        return self.asks(place)

    def asks_failed(self, place: Place) -> bool:
        """Whether a node whose last attempt has failed must come to the gate."""
        points = self.state.breakpoints
        return (place.node_id, "error") in points or (ANY_NODE, "error") in points

    async def pass_(self, visit: Visit) -> Decision:
        """Let a node through, at once or when somebody says so.

        Cancelling the caller takes the node away from the gate; when the run itself stops, its stop
        stays in the session for whoever goes on with the run.
        """
        key = (visit.place, visit.phase)
        if (decided := self._decided.pop(key, None)) is not None:
            return decided
        stop = self._expected.pop(key, None)
        if stop is not None:
            stop.attempt = visit.attempt
        else:
            stop = await self._stop_for(visit)
        return GO if stop is None else await self._stand(stop, visit)

    def settled(self, place: Place, freed: Iterable[Place]) -> None:
        """A node has come to an end (done, failed, skipped); ``freed`` are those that wait for nothing
        any more."""
        if self.voice.is_stopping:
            return
        if place in self.state.released:
            self.state.released.remove(place)
        self._forget_inside(place)
        thread, passing = self._thread, self.state.passing
        if passing.place is not None and (passing.place == place or place.holds(passing.place)):
            self._end_step(set(freed), place.parent)
        elif thread is None:
            return
        elif place in thread.pending:
            thread.pending.discard(place)
            thread.pending.update(freed)
        elif thread.container is not None and (place == thread.container or place.holds(thread.container)):
            thread.pending, thread.container = set(freed), place.parent
        self._choose()

    def _end_step(self, pending: set[Place], container: Place | None) -> None:
        self.state.passing, self.state.arrival = NOBODY, "step"
        self._thread = Thread(pending, container)
        self.state_due()

    def level_ended(self, path: str) -> None:
        """An iteration is over: nothing inside it will come any more, though a step may have been there
        (after a crash it may turn out that a stop node had ended it)."""
        if self.voice.is_stopping:
            return
        state, thread, container = self.state, self._thread, Place("", path).parent
        state.released = [place for place in state.released if not place.is_on(path)]
        for stop in [s for s in state.stops if s.id not in self._held and s.place.is_on(path)]:
            self._forget(stop)
        if state.passing.place is not None and state.passing.place.is_on(path):
            self._end_step(set(), container)
        elif thread is not None and any(
            place.is_on(path) for place in (*thread.pending, thread.container) if place is not None
        ):
            self._thread = Thread(set(), container)
        self._choose()

    def left(self, place: Place) -> None:
        """A visit is over whatever the reason; told after ``settled`` when there was one."""
        state = self.state
        if state.passing.place == place or place in state.released or self._is_followed(place):
            self.settled(place, ())

    def _is_followed(self, place: Place) -> bool:
        thread = self._thread
        return thread is not None and (place in thread.pending or place == thread.container)

    def close(self) -> None:
        """The run stops: whoever stands here is cancelled; the session stays as it is."""
        for held in list(self._held.values()):
            held.answer.cancel()

    # Arriving and standing

    async def _stop_for(self, visit: Visit) -> Stop | None:
        """A stop for the visit when there is a reason for one."""
        state, place = self.state, visit.place
        if visit.phase == "before" and place in state.released and not visit.is_later:
            return None
        hit = await breakpoint_met(state, visit)
        note = ""
        reason: Reason | None = None
        if hit is not None and hit.log is None:
            reason, note = ("error" if visit.phase == "error" else "breakpoint"), hit.note
        elif hit is not None:
            data: JsonObject = {"level": "info", "message": self._shown(hit.log), "fields": {}}
            self.voice.debug_event("log", place, visit.attempt, data)
        if reason is None and visit.is_later:
            reason = self._reason_again(place)
        elif reason is None and visit.phase == "before":
            reason = self._reason_for(place)
        if reason is None:
            return None
        state.stops_made += 1
        return Stop(f"s{state.stops_made}", place, visit.attempt, visit.phase, reason, note=note)

    def _reason_for(self, place: Place) -> Reason | None:
        """Why a node without a breakpoint of its own stops here."""
        state = self.state
        if state.run_to == place.node_id:
            state.run_to = None
            return "run_to"
        if state.passing.lets(place):
            return "step" if state.passing.into and place != state.passing.place else None
        if self._thread is not None and self._thread.meets(place):
            return "step"
        # During a step elsewhere nobody else is current; between steps the thread's next node will be.
        is_open = state.passing.kind == "none" and state.current is None and self._thread is None
        return state.arrival if is_open else "waiting"

    def _reason_again(self, place: Place) -> Reason | None:
        """Why a node at work on a stream stops where it has no breakpoint."""
        state = self.state
        if state.passing.into and state.passing.place == place:
            return "step"
        is_open = state.passing.kind == "none" and state.current is None and self._thread is None
        return state.arrival if is_open and not state.stops else None

    async def _stand(self, stop: Stop, visit: Visit) -> Decision:
        held = self._held[stop.id] = _Held(visit)
        state = self.state
        if stop not in state.stops:
            state.stops.append(stop)
        if stop.reason != "waiting":
            if state.current is None and (state.passing.kind != "within" or state.passing.lets(stop.place)):
                self._make_current(stop)
            self.say_hit(stop)
        elif self._thread is None or self._thread.meets(stop.place):
            # Only after a crash: a node that waited before it may be what the run stands for now.
            self._choose()
        self.state_due()
        try:
            return await held.answer
        finally:
            self._held.pop(stop.id, None)
            if not held.answer.done() or held.answer.cancelled():
                self._gone(stop)

    def _make_current(self, stop: Stop) -> None:
        state = self.state
        state.current = stop.id
        state.passing = NOBODY
        self._thread = None

    def _gone(self, stop: Stop) -> None:
        """A held node was cancelled (a sibling failed, another branch was first)."""
        if not self.voice.is_stopping:
            self._forget(stop)
            self._choose()
            self.state_due()

    def _forget(self, stop: Stop) -> None:
        state = self.state
        if stop in state.stops:
            state.stops.remove(stop)
        self._expected.pop(stop.key, None)
        if state.current == stop.id:
            state.current = None

    def _forget_inside(self, place: Place) -> None:
        """Stops that can never come back: their container has ended."""
        for stop in [s for s in self.state.stops if s.id not in self._held and place.holds(s.place)]:
            self._forget(stop)

    def _choose(self) -> None:
        """Make somebody current when nobody is and nobody in particular is awaited."""
        state, thread = self.state, self._thread
        if state.passing.kind != "none" or state.current is not None:
            return
        waiting = [stop for stop in state.stops if stop.id in self._held]
        if thread is not None and (thread.pending or thread.container is not None):
            waiting = [stop for stop in waiting if thread.meets(stop.place)]
        if not waiting:
            if thread is not None and not thread.pending and thread.container is None:
                self._thread = None
            return
        stop = waiting[0]
        if stop.reason == "waiting":
            stop.reason = state.arrival
        self._make_current(stop)
        self.say_hit(stop)
        self.state_due()

    # What commands do

    def release(self, stop: Stop, decision: Decision) -> None:
        """Let one node go; its place may pass again until it has settled (a worker may be lost)."""
        state = self.state
        held = self._held.get(stop.id)
        self._forget(stop)
        if stop.phase == "before" and decision.act == "go" and stop.place not in state.released:
            state.released.append(stop.place)
        if held is None:
            self._decided[stop.key] = decision
        elif not held.answer.done():
            held.answer.set_result(decision)

    def release_waiting(self, *, inside: Place | None = None) -> None:
        """Let everybody go whom no breakpoint of its own holds."""
        for stop in [stop for stop in self.state.stops if not stop.is_firm]:
            if inside is None or inside.holds(stop.place):
                self.release(stop, Decision(edits=stop.edits))

    def let_pass(self, passing: Pass) -> None:
        """Say who may pass from now on."""
        self._thread = None
        self.state.passing = passing
        if passing.kind == "none":
            self._choose()

    def go_on(self) -> None:
        """Everybody may pass, unless a node still stands at a stop of its own."""
        state = self.state
        firm = next((stop for stop in state.stops if stop.is_firm), None)
        self._thread = None
        if firm is not None:
            state.passing, state.current = NOBODY, firm.id
        else:
            state.passing, state.current = FREE, None
            self.release_waiting()

    def focus(self, stop: Stop) -> None:
        """Make a stop the one that steps act on."""
        self._make_current(stop)
        self.say_hit(stop)

    def steps_into(self, place: Place) -> bool:
        """Whether somebody is stepping into this node: a flow it calls begins with a stop."""
        passing = self.state.passing
        return passing.kind == "within" and passing.into and passing.place == place

    # Telling

    def visit_at(self, stop_id: str) -> Visit | None:
        """What a standing node brought; None for one that has not come back after a crash."""
        held = self._held.get(stop_id)
        return held.visit if held else None

    def say_hit(self, stop: Stop) -> None:
        """``breakpoint_hit``: the stop with the beginnings of what its node would get; the whole of it
        is in the node's record."""
        held = self._held.get(stop.id)
        if held is None:
            return
        inputs, config, wrong = held.visit.seen(stop.edits)
        stop.note = wrong or stop.note
        self.voice.debug_hold(held.visit, inputs, config)
        data: JsonObject = {
            "stop": stop.to_json(),
            "inputs": self._shown(inputs),
            "config": None if config is None else self._shown(config),
        }
        if (items := held.visit.items) is not None and items.port:
            data["items"] = {"port": items.port, "before": items.before, "count": items.count}
        if held.visit.problem is not None:
            data["error"] = json_object(held.visit.problem)
        self.voice.debug_event("breakpoint_hit", stop.place, stop.attempt, data)

    def state_due(self) -> None:
        """Tell the state soon: many nodes that arrive together make one event."""
        if not self._is_state_due:
            self._is_state_due = True
            asyncio.get_running_loop().call_soon(self._say_due_state)

    def _say_due_state(self) -> None:
        if self._is_state_due and not self.voice.is_stopping:
            self.say_state()

    def say_state(self, more: JsonObject | None = None) -> None:
        """``debug_state``: the whole session, from which another worker could go on."""
        self._is_state_due = False
        self.voice.debug_event("debug_state", None, 0, {**self.state.to_json(), **(more or {})})
        self.on_told()

    def _shown(self, value: Any) -> Any:
        return preview(self.voice.debug_masked(value))
