"""Debugging a run: breakpoints, steps, edited inputs, and everybody looking at the same stop.

The *gate* (``DebugGate``) is asked by the run before every visit of a node, at every level, and again
when a node's last attempt has failed. Commands (``DebugCommand``, carried out by ``act``) and arrivals
change one ``DebugState``; each change is said in an event, so the session is the fold of the run's log.

**Stops.** A node that must not pass *stands at a stop*. While any node stands at one, the whole run is
paused: nodes at work finish, nothing new starts. Nodes that become ready meanwhile stand at the gate too
(reason ``waiting``). Stops keep the order of arrival. At most one stop is *current*; a command names the
stop it is about, and is refused (``debug.stop_gone``) when that stop has been left, so of two people who
press Step together one moves the run. A stop is *firm* when somebody asked for exactly it (``breakpoint``,
``error``, ``run_to``); others (``entry``, ``pause``, ``step``, ``waiting``) only stand because the run does.

**Nodes that ask.** Every node that would run, containers included. Skipped, disabled and pinned nodes and
cached outputs pass unasked. A node is asked once, not again for its automatic retries, nor when a run that
was taken over goes on with it. With a
breakpoint ``on="error"`` it is asked again after its last failure, before ``on_error`` applies.

==============  =============================================================================================
``step_over``   The stop's node runs, with everything inside it; breakpoints inside stop. Then the run stops
                at what *follows*: the first of the nodes its settling made ready; when there is none, the
                next node to arrive inside the same container (its next iteration, another lane); when the
                container ends, what follows that. Only when nothing follows any more does the oldest waiting
                node of another branch become current. Others stay at the gate all the time.
``step_into``   As above, but the first node to arrive inside the container stops. A sub-flow's run begins
                with a stop. For a plain node, or a container whose body does not run, it is ``step_over``.
``step_out``    Everything inside the container of the stop's node goes on until the container has ended (all
                its iterations); then what follows it stops. At the top: ``continue``.
``continue``    The stop's node goes. When other firm stops stand in the queue, the oldest becomes current and
                the run stays paused; otherwise everybody goes, each past its own breakpoints.
``run_to``      ``continue``, and stop once before the named node, wherever it arrives first. Breakpoints on
                the way stop too; the target stays until it is reached or another one is named.
``pause``       Nothing new starts; the next node to arrive becomes current. ``continue`` without a stop takes
                it back while nobody has arrived.
``focus``       Another of the standing nodes becomes current.
``set_inputs``  Ports and configuration fields given replace those the node would get; others stay. The
                configuration is computed anew from the edited inputs.
``set_outputs`` The node does not run; it completes with these outputs. Then as after ``step_over``.
``again``       At an ``error`` stop: one more attempt, with the edits. Going on instead accepts the failure.
``stop``        The run is cancelled.
==============  =============================================================================================

**Breakpoints.** One per node and kind. The condition is computed when the node arrives, over the names its
own expressions may read, ``inputs``, and ``error`` where there is one; a condition that cannot be computed
stops and says why. ``hit_count`` n lets the first n - 1 hits pass; hits are counted over all iterations.
With ``log`` the run writes that line instead of stopping.

**Time.** A debugged run has no time limit of its own, and its containers have none: standing costs nothing.
A node's own limit begins when its attempt does.

**After a crash.** The newest ``debug_state`` event holds breakpoints, hit counts, stops, who may pass, and
the number of the last command. The nodes that stood at stops arrive again, get the same stops (same ids,
edits kept, nothing counted twice), and the run is paused as before; a step under way goes on. A person's
command is numbered; one already in the state is not carried out again.
"""

from sage_studio.engine.debugging.acting import act
from sage_studio.engine.debugging.commands import (
    WORDS,
    DebugCommand,
    check_breakpoint,
    read_breakpoints,
    read_command,
)
from sage_studio.engine.debugging.gate import DebugGate
from sage_studio.engine.debugging.places import Place
from sage_studio.engine.debugging.previews import preview
from sage_studio.engine.debugging.session import DebugSession
from sage_studio.engine.debugging.state import Breakpoint, DebugState, Edits, Stop
from sage_studio.engine.debugging.visits import GO, Decision, Visit, Voice

__all__ = [
    "GO",
    "WORDS",
    "Breakpoint",
    "DebugCommand",
    "DebugGate",
    "DebugSession",
    "DebugState",
    "Decision",
    "Edits",
    "Place",
    "Stop",
    "Visit",
    "Voice",
    "act",
    "check_breakpoint",
    "preview",
    "read_breakpoints",
    "read_command",
]
