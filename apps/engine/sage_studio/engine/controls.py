"""The hand a person (or the worker's owner) has on a run while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Wish = Literal["cancel", "drain"]


class Controls:
    """Carries one wish to a run; used on the run's event loop.

    ``cancel`` ends the run. ``drain`` stops it between nodes so that another worker can go on.
    ``grace_s`` is how long nodes whose outcome must be known may still take; after that they
    are abandoned.
    """

    def __init__(self, *, grace_s: float = 4.0) -> None:
        self.grace_s = grace_s
        self.wish: Wish | None = None
        self._listeners: list[Callable[[Wish], None]] = []

    def cancel(self) -> None:
        self._want("cancel")

    def drain(self) -> None:
        self._want("drain")

    def on_wish(self, listener: Callable[[Wish], None]) -> None:
        """Call ``listener`` once when something is wished for, or now when it was already."""
        self._listeners.append(listener)
        if self.wish is not None:
            listener(self.wish)

    def _want(self, wish: Wish) -> None:
        if self.wish is None:
            self.wish = wish
            for listener in self._listeners:
                listener(wish)
