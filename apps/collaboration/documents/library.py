"""The one door to pycrdt.

The library panics on some malformed input; such a panic derives from BaseException and may leave
the document half changed. Here it becomes ``DocumentBrokenError``, after which a document is only good
for being dropped. Bytes reach this module scanned (``wire.scan``) or from our own journal.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import pycrdt

from apps.collaboration.wire.frames import EMPTY_UPDATE, read_state_vector

ROOTS = ("meta", "nodes", "edges", "notes")
_NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)


class DocumentBrokenError(Exception):
    """The library panicked. The document must be dropped and loaded again from the journal."""


class UpdateRejectedError(Exception):
    """The library refused the bytes and left the document as it was."""


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except _NOT_OURS:
        raise
    except Exception as error:
        raise UpdateRejectedError(str(error)) from error
    except BaseException as panic:
        raise DocumentBrokenError(type(panic).__name__) from panic


class LiveDoc:
    """One CRDT document with the four root maps of a flow.

    Not for use by two threads at once. ``client_id`` matters only to documents that write
    themselves (the headless writer); rooms only ever apply what others wrote.
    """

    def __init__(self, updates: Iterable[bytes] = (), *, client_id: int | None = None) -> None:
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id, allow_multithreading=True)
        self._roots: dict[str, Any] = {}
        self._emitted: list[bytes] = []
        with _guarded():
            for name in ROOTS:
                self._roots[name] = self._doc.get(name, type=pycrdt.Map)
            with self._doc.transaction():
                for update in updates:
                    self._doc.apply_update(update)
        # The library's subscription holds its document and the other way round, a ring that nobody could
        # ever free: it is cut when this object goes, which the callback must not keep alive.
        emitted = self._emitted
        watching = self._doc.observe(lambda event: emitted.append(event.update))
        weakref.finalize(self, self._doc.unobserve, watching).atexit = False

    def root(self, name: str) -> pycrdt.Map[Any]:
        """A root map by name, for ``documents.flow_writer``."""
        return cast("pycrdt.Map[Any]", self._roots[name])

    def apply(self, update: bytes) -> bytes:
        """Merge ``update``; returns what was new in it, empty bytes when nothing was.

        Raises UpdateRejectedError (unchanged) or DocumentBrokenError (drop this object).
        """
        with _guarded():
            self._doc.apply_update(update)
        return self._take()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction; read its bytes with ``take_change`` afterwards."""
        with self._doc.transaction():
            yield

    def take_change(self) -> bytes:
        """The bytes of the transactions since the last call; empty when they changed nothing."""
        return self._take()

    def _take(self) -> bytes:
        if not self._emitted:
            return b""
        emitted = self._emitted.copy()
        self._emitted.clear()
        merged = emitted[0] if len(emitted) == 1 else merge(emitted)
        return b"" if merged == EMPTY_UPDATE else merged

    @contextmanager
    def watched(self, heard: Callable[[str, list[Any], dict[str, Any]], object]) -> Iterator[None]:
        """Inside, call ``heard(root, path, keys)`` for everything a transaction changes; ``keys`` says
        what became of which key, and is empty for changes inside a text or list.

        It has an end, because the library's subscription holds the document: it would never be freed.
        """
        heeded = {
            name: root.observe_deep(partial(_pass_on, heard, name)) for name, root in self._roots.items()
        }
        try:
            yield
        finally:
            for name, subscription in heeded.items():
                self._roots[name].unobserve(subscription)

    def encode(self, state_vector: bytes | None = None) -> bytes:
        """The whole document, or what a peer with ``state_vector`` lacks."""
        with _guarded():
            return self._doc.get_update(state_vector)

    def state_vector(self) -> bytes:
        with _guarded():
            return self._doc.get_state()

    def clocks(self) -> dict[int, int]:
        """Client id → next clock."""
        return read_state_vector(self.state_vector())

    def dump(self) -> dict[str, Any]:
        """The document as plain values, the input of ``sage_studio.flow.projection``."""
        with _guarded():
            return {name: root.to_py() or {} for name, root in self._roots.items()}

    def depth(self, *, limit: int) -> int:
        """How deep shared types are stacked, counted without recursion up to ``limit`` + 1."""
        with _guarded():
            level: list[Any] = list(self._roots.values())
            depth = 0
            while level and depth <= limit:
                level = [child for parent in level for child in _shared_children(parent)]
                depth += bool(level)
            return depth


def _pass_on(heard: Callable[[str, list[Any], dict[str, Any]], object], name: str, events: Any) -> None:
    for event in events:
        heard(name, list(event.path), getattr(event, "keys", None) or {})


def _shared_children(parent: Any) -> list[Any]:
    if isinstance(parent, pycrdt.Map):
        values = list(parent.values())
    elif isinstance(parent, pycrdt.Array):
        values = list(parent)
    else:
        return []
    return [value for value in values if isinstance(value, pycrdt.Map | pycrdt.Array | pycrdt.Text)]


def merge(updates: list[bytes]) -> bytes:
    """Several updates as one; meant for the few of one tick."""
    if len(updates) == 1:
        return updates[0]
    with _guarded():
        return pycrdt.merge_updates(*updates)
