"""Words of comments and activity."""

from __future__ import annotations

from dataclasses import dataclass, field

from sage_studio.kernel import JsonObject

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


@dataclass(slots=True)
class Stretch:
    """Journal rows of one author and origin in one go, and what they did."""

    author_id: str | None
    origin: str
    summary: str
    first_seq: int
    last_seq: int
    changes: list[JsonObject] = field(default_factory=list)
