"""What whoever runs a flow may add to a run besides its store and its host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``park_after_s``: a run with nothing to do but wait is given back when the wait goes on for longer
    than this; None keeps it."""

    park_after_s: float | None = None
