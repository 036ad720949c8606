"""What the readers share: how they say that a document is not to be read."""

from __future__ import annotations


class Unreadable(Exception):
    """The document cannot be read; the one argument is a reason that ``errors`` has words for."""
