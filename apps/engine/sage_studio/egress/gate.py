"""Fewer hosts than the policy allows, for a while: whoever passes a request on for code it does not trust
says which names it may go to, and every connection made meanwhile is asked about, redirects included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Raises for a host that connections may not go to.
Gate = Callable[[str], None]

_gates: ContextVar[tuple[Gate, ...]] = ContextVar("egress_gates", default=())


@contextmanager
def through(gate: Gate) -> Iterator[None]:
    """Ask ``gate`` about every connection this task makes inside."""
    token = _gates.set((*_gates.get(), gate))
    try:
        yield
    finally:
        _gates.reset(token)


def require_host(host: str) -> None:
    """Raises what a gate raises."""
    for gate in _gates.get():
        gate(host.lower().removesuffix("."))
