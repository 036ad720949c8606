"""What a node brings to the gate, what it is told there, and what the gate needs of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sage_studio.engine.debugging.places import Place
from sage_studio.engine.debugging.state import Edits, Phase
from sage_studio.kernel import JsonObject, Problem, SageError


@dataclass(frozen=True, slots=True)
class Decision:
    """What the node does next.

    ``go``: run (before) or accept the failure (error), with ``edits`` put over inputs and
    configuration. ``again``: one more attempt (error only). ``inject``: give ``outputs`` and do not run.
    """

    act: Literal["go", "again", "inject"] = "go"
    edits: Edits = field(default_factory=Edits)
    outputs: Mapping[str, Any] | None = None


GO = Decision()


@dataclass(frozen=True, slots=True)
class Items:
    """What a member of a pipeline stands before: ``count`` items behind the first ``before`` of the stream on
    ``port``; without a port it has not started."""

    port: str = ""
    before: int = 0
    count: int = 0
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Visit:
    """A node before its first attempt, or (``phase="error"``) after its last has failed; a member of a
    pipeline (``items``) also before items of its stream.

    ``config`` resolves the configuration for the inputs it is given and may raise SageError;
    ``names`` gives the values of the expression names asked for. ``hold`` records what it stands before,
    where its record says more than that it waits.
    """

    place: Place
    attempt: int
    inputs: Mapping[str, Any]
    config: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    names: Callable[[frozenset[str], Mapping[str, Any]], Mapping[str, Any]]
    phase: Phase = "before"
    problem: Problem | None = None
    items: Items | None = None
    hold: Callable[[Mapping[str, Any], Mapping[str, Any] | None], None] | None = None

    @property
    def is_later(self) -> bool:
        """Whether its node has been let through before, and only stops where that is asked for anew."""
        return self.items is not None and not self.items.is_first

    def seen(self, edits: Edits) -> tuple[dict[str, Any], dict[str, Any] | None, str]:
        """Inputs and configuration as the node would get them now, and what is wrong with the latter."""
        inputs = {**self.inputs, **edits.inputs}
        try:
            return inputs, {**self.config(inputs), **edits.config}, ""
        except SageError as error:
            return inputs, None, error.message()


class Voice(Protocol):
    """A run, as far as its debugger cares."""

    @property
    def is_stopping(self) -> bool: ...

    def debug_event(self, type_: str, place: Place | None, attempt: int, data: JsonObject) -> None:
        """Append an event, of a node or of the run itself."""
        ...

    def debug_hold(self, visit: Visit, inputs: Mapping[str, Any], config: Mapping[str, Any] | None) -> None:
        """Record that a node waits at the gate, with what it would get."""
        ...

    def debug_masked(self, value: Any) -> Any:
        """The value with the run's secrets blotted."""
        ...

    def debug_knows(self, node_id: str) -> bool:
        """Whether the flow has such a node, at any depth."""
        ...

    def debug_cancel(self) -> None:
        """End the run."""
        ...
