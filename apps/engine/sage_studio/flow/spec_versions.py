"""Versions of node types: reading them, and which installed one serves a node that was made with another."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

Version = tuple[int, ...]


@lru_cache(maxsize=4096)
def version_of(text: str) -> Version | None:
    """``1.2.10`` as numbers that compare; None for anything else."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return None
    return tuple(int(part) for part in parts)


def rank(text: str) -> Version:
    """The order of versions; what is none comes first."""
    return version_of(text) or ()


def serving(wanted: str | None, installed: Iterable[str]) -> str | None:
    """Which of the installed versions runs a node that asks for ``wanted``.

    The very one; else the newest of the same first number, so that a fix reaches old flows but a break
    does not; else the newest, to which the node's settings are upgraded. Without a wish the newest.
    """
    known = sorted(installed, key=rank)
    if not known:
        return None
    if wanted is None or wanted in known:
        return known[-1] if wanted is None else wanted
    asked = version_of(wanted)
    related = [text for text in known if asked and rank(text)[:1] == asked[:1] and rank(text) > asked]
    return related[-1] if related else known[-1]
