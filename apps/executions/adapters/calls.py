"""How the parts of a run's host reach the database and the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Call(Protocol):
    """Runs synchronous work off the event loop."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...
