"""Words of the accounts app."""

from __future__ import annotations

from enum import StrEnum

from apps.common import policies


class Scope(StrEnum):
    """What an API token may do, at most; the person's own rights still apply."""

    READ = policies.READ
    WRITE = policies.WRITE
    RUN = "run"
    MANAGE = "manage"


# RFC 5321 allows no longer ones, and neither do the columns.
EMAIL_LENGTH = 254
PRESENCE_COLORS = 8
