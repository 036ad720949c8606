"""Dataclasses nobody writes to, made by the ten thousand.

A frozen dataclass sets every field through ``object.__setattr__``, which makes a class of twenty fields
take four times as long to build. ``sealed`` is the same class to the type checker, which refuses
assignments everywhere in this code base; at run time it is built like an ordinary one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

__all__ = ["sealed"]

if TYPE_CHECKING:
    from dataclasses import dataclass as sealed
else:

    def sealed(*, frozen: bool, slots: bool) -> Any:
        """``frozen`` is always True; it is written out because the type checker reads it."""
        assert frozen, "a class that may be written to is an ordinary dataclass"
        return dataclasses.dataclass(slots=slots, unsafe_hash=True)
