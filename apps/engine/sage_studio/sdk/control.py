"""What containers and control nodes work with: the result of a body, and leaving one early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sage_studio.kernel import Json, JsonObject, Problem, json_object

Left = Literal["run", "loop", "iteration"]


class Leave(Exception):
    """Raised by a node to end the run, the loop around it or the iteration it is in.

    ``value`` becomes the result; with ``problem`` the run fails instead (only for ``run``).
    """

    def __init__(self, what: Left, value: Any = None, problem: Problem | None = None) -> None:
        super().__init__(what)
        self.what: Left = what
        self.value = value
        self.problem = problem

    def to_json(self) -> JsonObject:
        shape: JsonObject = {"what": self.what, "value": self.value}
        if self.problem is not None:
            shape["problem"] = json_object(self.problem)
        return shape

    @classmethod
    def from_json(cls, shape: Mapping[str, Json]) -> Leave:
        return cls(shape["what"], shape.get("value"), shape.get("problem"))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class BodyResult:
    """One iteration of a container's body: its value, the ``body`` fields evaluated at its end, and
    whether a ``stop`` node left it early."""

    value: Any = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    left: Leave | None = None

    @property
    def is_break(self) -> bool:
        return self.left is not None and self.left.what == "loop"


class BodyFailed(Exception):
    """Raised by ``ctx.body`` when the iteration failed; a container that lets it through fails with the
    same problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem["message"])
        self.problem = problem
