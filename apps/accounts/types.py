"""Words of the accounts app."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """What an API token may do, at most; the person's own rights still apply."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    MANAGE = "manage"


PRESENCE_COLORS = 8
