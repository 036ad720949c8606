"""Words of comments."""

from __future__ import annotations

from dataclasses import dataclass

REACTIONS = ("👍", "❤️", "🎉", "😄", "👀", "✅")
BODY_LIMIT = 4_000
MENTION_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a thread is about: a node (``x``, ``y`` count from its corner) or a place."""

    x: float
    y: float
    node_id: str = ""
    node_name: str = ""
