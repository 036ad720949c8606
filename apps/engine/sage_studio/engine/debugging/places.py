"""Where a node stands in a run: its id and the iteration it is in."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A node of one level at work; ``path`` is the level's iteration path, empty at the top."""

    node_id: str
    path: str = ""

    @property
    def parent(self) -> Place | None:
        """The container whose iteration this place is in, or None at the top."""
        if not self.path:
            return None
        outer, _, step = self.path.rpartition("/")
        return Place(step.partition(".")[0], outer)

    def holds(self, other: Place) -> bool:
        """Whether ``other`` is inside this container, at any depth."""
        start = f"{self.path}/{self.node_id}." if self.path else f"{self.node_id}."
        return other.path.startswith(start)

    def is_on(self, path: str) -> bool:
        """Whether this place is on the level with this path, or inside one of its containers."""
        return self.path == path or self.path.startswith(f"{path}/")
