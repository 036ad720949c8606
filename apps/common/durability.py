"""Whether the database keeps what it acknowledges, asked of the database itself.

A killed process cannot show it: the kernel still has what was never flushed. So web and worker ask when
they start and refuse a database that would lose acknowledged rows with the power.
"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.db import Error as DatabaseError, connection

logger = structlog.get_logger(__name__)


class NotDurable(Exception):
    """The database may lose what it has acknowledged; the message says by which of its settings."""


def require_durable_database() -> None:
    """Raises NotDurable, unless SAGE_ALLOW_UNSAFE_DATABASE is set, which is said in the log each time.
    A server that is away now is not waited for: its sessions are told to be durable in any case."""
    try:
        faults = durability_faults()
    except DatabaseError as error:
        logger.warning("database_durability_not_asked", error=str(error))
        return
    finally:
        connection.close()
    if not faults:
        return
    if not settings.ALLOW_UNSAFE_DATABASE:
        raise NotDurable(
            f"The database may lose acknowledged work: {', '.join(faults)}. Correct its settings, or set "
            "SAGE_ALLOW_UNSAFE_DATABASE=true if its data may be lost."
        )
    logger.error("database_not_durable", faults=faults)


def durability_faults() -> list[str]:
    """Settings of this connection's database under which a commit may be lost; empty is good."""
    return _sqlite_faults() if connection.vendor == "sqlite" else _postgres_faults()


def _sqlite_faults() -> list[str]:
    with connection.cursor() as cursor:
        mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    found = []
    if mode != "wal":
        found.append(f"journal_mode={mode}")
    if synchronous not in (2, 3):
        found.append(f"synchronous={synchronous}")
    return found


def _postgres_faults() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        fsync, synchronous_commit = cursor.fetchone()
    found = []
    if fsync != "on":
        found.append(f"fsync={fsync}")
    if synchronous_commit == "off":
        found.append(f"synchronous_commit={synchronous_commit}")
    return found
