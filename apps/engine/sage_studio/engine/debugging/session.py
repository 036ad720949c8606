"""One debug session: a gate, and the commands that came before its run was there to be debugged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_studio.engine.debugging.acting import act
from sage_studio.engine.debugging.commands import DebugCommand
from sage_studio.engine.debugging.gate import DebugGate
from sage_studio.engine.debugging.hooks import RunDebugger
from sage_studio.engine.debugging.state import DebugState
from sage_studio.kernel import SageError

if TYPE_CHECKING:
    from sage_studio.engine.run import ActiveRun


class DebugSession:
    """Give it to a run with ``Controls.debug``, before it begins or while it is under way."""

    def __init__(self, state: DebugState | None = None) -> None:
        self.gate = DebugGate(state)
        self._backlog: list[DebugCommand] = []
        self._is_attached = False

    def tell(self, command: DebugCommand) -> SageError | None:
        """Carry a command out, or keep it until the run is there; the refusal when there is one."""
        if self._is_attached:
            return act(self.gate, command)
        self._backlog.append(command)
        return None

    def attach(self, run: ActiveRun) -> RunDebugger:
        """Called by the run."""
        debugger = RunDebugger(run, self.gate)
        self._is_attached = True
        for command in self._backlog:
            act(self.gate, command)
        self._backlog.clear()
        return debugger
