"""Carrying out commands at the gate: one command, one change of the session, one event about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sage_studio.engine.debugging.commands import DebugCommand
from sage_studio.engine.debugging.errors import NO_NODE, NOT_HERE, STOP_GONE
from sage_studio.engine.debugging.gate import DebugGate
from sage_studio.engine.debugging.places import Place
from sage_studio.engine.debugging.state import NOBODY, Breakpoint, Pass, Stop
from sage_studio.engine.debugging.visits import Decision
from sage_studio.kernel import JsonObject, SageError, json_object


def act(gate: DebugGate, command: DebugCommand) -> SageError | None:
    """Carry a command out, unless it was already; its event says who did what and whether it was
    refused (the refusal is returned as well)."""
    if command.seq and command.seq <= gate.state.commands_done:
        return None
    refusal: SageError | None = None
    try:
        _ACTIONS[command.word](gate, command)
    except SageError as error:
        refusal = error
    gate.state.commands_done = max(gate.state.commands_done, command.seq)
    told: JsonObject = {
        "word": command.word,
        "stop": command.stop,
        "seq": command.seq,
        "by": command.by,
        "error": json_object(refusal.problem()) if refusal else None,
    }
    gate.say_state({"command": told})
    return refusal


def _stop_of(gate: DebugGate, command: DebugCommand) -> Stop:
    stop = gate.state.stop(command.stop)
    if stop is None:
        raise SageError(STOP_GONE, {"stop": command.stop})
    return stop


def _go(stop: Stop) -> Decision:
    return Decision(edits=stop.edits)


def _set_breakpoints(gate: DebugGate, command: DebugCommand) -> None:
    state = gate.state
    state.breakpoints = {point.key: point for point in command.breakpoints}
    state.hits = {key: count for key, count in state.hits.items() if key in state.breakpoints}


def _set_breakpoint(gate: DebugGate, command: DebugCommand) -> None:
    point: Breakpoint = command.breakpoints[0]
    if gate.state.breakpoints.get(point.key) != point:
        gate.state.hits.pop(point.key, None)
    gate.state.breakpoints[point.key] = point


def _clear_breakpoint(gate: DebugGate, command: DebugCommand) -> None:
    key = command.node_id, command.on
    gate.state.breakpoints.pop(key, None)
    gate.state.hits.pop(key, None)


def _pause(gate: DebugGate, command: DebugCommand) -> None:
    if gate.state.passing.kind != "none":
        gate.state.arrival = "pause"
        gate.let_pass(NOBODY)


def _continue(gate: DebugGate, command: DebugCommand) -> None:
    """Without ``stop`` it takes a pause back that has caught no node yet; at a stop it names it."""
    if command.stop is not None or gate.state.current is not None:
        stop = _stop_of(gate, command)
        gate.release(stop, _go(stop))
    gate.go_on()


def _run_to(gate: DebugGate, command: DebugCommand) -> None:
    if not gate.voice.debug_knows(command.node_id):
        raise SageError(NO_NODE, {"node_id": command.node_id[:64]})
    if command.stop is not None or gate.state.current is not None:
        stop = _stop_of(gate, command)
        gate.release(stop, _go(stop))
    gate.state.run_to = command.node_id
    gate.go_on()


def _step(gate: DebugGate, stop: Stop, decision: Decision, *, into: bool = False) -> None:
    """Let this one node go, with all that is inside it; what comes next stops."""
    gate.release(stop, decision)
    gate.let_pass(Pass("within", stop.place, into))


def _step_over(gate: DebugGate, command: DebugCommand) -> None:
    stop = _stop_of(gate, command)
    _step(gate, stop, _go(stop))


def _step_into(gate: DebugGate, command: DebugCommand) -> None:
    stop = _stop_of(gate, command)
    _step(gate, stop, _go(stop), into=True)


def _step_out(gate: DebugGate, command: DebugCommand) -> None:
    stop = _stop_of(gate, command)
    container = stop.place.parent
    gate.release(stop, _go(stop))
    if container is None:
        gate.go_on()
    elif (firm := _firm_inside(gate, container)) is not None:
        gate.focus(firm)
    else:
        gate.let_pass(Pass("within", container))
        gate.release_waiting(inside=container)


def _firm_inside(gate: DebugGate, container: Place) -> Stop | None:
    return next((s for s in gate.state.stops if s.is_firm and container.holds(s.place)), None)


def _focus(gate: DebugGate, command: DebugCommand) -> None:
    stop = _stop_of(gate, command)
    if gate.state.mode != "paused":
        raise SageError(NOT_HERE, {"command": command.word})
    gate.focus(stop)


def _set_inputs(gate: DebugGate, command: DebugCommand) -> None:
    """Ports and fields named replace the node's own; the others stay as they are."""
    stop = _stop_of(gate, command)
    visit = gate.visit_at(stop.id)
    if command.edits.config and visit is not None and visit.items is not None and visit.items.port:
        raise SageError(NOT_HERE, {"command": command.word})  # its settings have been read
    stop.edits = stop.edits.merged(command.edits)
    gate.say_hit(stop)


def _set_outputs(gate: DebugGate, command: DebugCommand) -> None:
    """The node does not run (or has not failed): these are its outputs."""
    stop = _stop_of(gate, command)
    visit = gate.visit_at(stop.id)
    if visit is not None and visit.items is not None:
        raise SageError(NOT_HERE, {"command": command.word})  # streams cannot be given whole
    _step(gate, stop, Decision("inject", outputs=command.outputs))


def _again(gate: DebugGate, command: DebugCommand) -> None:
    stop = _stop_of(gate, command)
    if stop.phase != "error":
        raise SageError(NOT_HERE, {"command": command.word})
    _step(gate, stop, Decision("again", stop.edits))


def _end(gate: DebugGate, command: DebugCommand) -> None:
    gate.voice.debug_cancel()


_ACTIONS: Mapping[str, Callable[[DebugGate, DebugCommand], None]] = {
    "set_breakpoints": _set_breakpoints,
    "set_breakpoint": _set_breakpoint,
    "clear_breakpoint": _clear_breakpoint,
    "pause": _pause,
    "continue": _continue,
    "step_over": _step_over,
    "step_into": _step_into,
    "step_out": _step_out,
    "run_to": _run_to,
    "focus": _focus,
    "set_inputs": _set_inputs,
    "set_outputs": _set_outputs,
    "again": _again,
    "stop": _end,
}
