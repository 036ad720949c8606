"""Ways in which a level can end early."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Ended(Exception):
    """Something in a level ended all of it."""


class Failed(Ended):
    """A failure that was not retried, continued or routed."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        super().__init__(found["code"])
        self.problem = found

    @property
    def can_retry(self) -> bool:
        return bool(self.problem["retryable"])


class Left(Ended):
    """A stop that ends an iteration or a loop (``what``), with a value."""

    def __init__(self, what: str, value: Any) -> None:
        super().__init__(what)
        self.what = what
        self.value = value


class RunStopped(Ended):
    """A stop that ends the run, with a result or with a problem."""

    def __init__(self, value: Any, found: Mapping[str, Any] | None = None) -> None:
        super().__init__("run")
        self.outputs = value if isinstance(value, Mapping) else {"result": value}
        self.problem = found


class Hung(Ended):
    """Something never ends: a time limit around it will."""


def problem(code: str, node_id: str | None, path: str, *, can_retry: bool) -> dict[str, Any]:
    """What is known beforehand of a problem's report."""
    return {"code": code, "node_id": node_id, "iteration_path": path, "retryable": can_retry}
