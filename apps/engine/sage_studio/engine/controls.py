"""The hand a person (or the worker's owner) has on a run while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from sage_studio.kernel import Json

if TYPE_CHECKING:
    from sage_studio.engine.debugging.session import DebugSession

Wish = Literal["cancel", "drain", "pause"]
_STRENGTH: dict[Wish | None, int] = {None: 0, "pause": 1, "drain": 2, "cancel": 3}


class Controls:
    """Carries wishes and signals to a run; used on the run's event loop.

    ``cancel`` ends the run. ``pause`` starts nothing more and lets what is at work finish. ``drain``
    stops the run between nodes so that another worker can go on. A stronger wish replaces a weaker
    one. ``grace_s`` is how long nodes whose outcome must be known may still take after ``cancel`` and
    ``drain``; after that they are abandoned.
    """

    def __init__(self, *, grace_s: float = 4.0) -> None:
        self.grace_s = grace_s
        self.wish: Wish | None = None
        self._listeners: list[Callable[[Wish], None]] = []
        self._signals: dict[str, Json] = {}
        self._on_signal: Callable[[str, Json], None] | None = None
        self._session: DebugSession | None = None
        self._on_debug: Callable[[DebugSession], None] | None = None

    def cancel(self) -> None:
        self._want("cancel")

    def pause(self) -> None:
        self._want("pause")

    def drain(self) -> None:
        self._want("drain")

    def signal(self, key: str, payload: Json) -> None:
        """Deliver a signal (see ``records.signal_key``); a second one under the same key is ignored."""
        if key in self._signals:
            return
        self._signals[key] = payload
        if self._on_signal is not None:
            self._on_signal(key, payload)

    def on_wish(self, listener: Callable[[Wish], None]) -> None:
        """Call ``listener`` whenever something is wished for, and now when it was already."""
        self._listeners.append(listener)
        if self.wish is not None:
            listener(self.wish)

    def on_signal(self, listener: Callable[[str, Json], None]) -> None:
        """Call ``listener`` for every signal, those that came before first."""
        self._on_signal = listener
        for key, payload in self._signals.items():
            listener(key, payload)

    def debug(self, session: DebugSession) -> None:
        """Put a debug session over the run, before it begins or while it is under way."""
        self._session = session
        if self._on_debug is not None:
            self._on_debug(session)

    def on_debug(self, listener: Callable[[DebugSession], None]) -> None:
        """Call ``listener`` when a session is put over the run, and now when there is one."""
        self._on_debug = listener
        if self._session is not None:
            listener(self._session)

    def _want(self, wish: Wish) -> None:
        if _STRENGTH[wish] > _STRENGTH[self.wish]:
            self.wish = wish
            for listener in self._listeners:
                listener(wish)
