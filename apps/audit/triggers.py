"""Triggers by which the database itself refuses to change or delete audit entries."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

_VERBS = ("UPDATE", "DELETE")
_REFUSE_ON_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'audit entries are append-only'; END $$"
)


def _create(vendor: str, verb: str) -> str:
    start = f"CREATE TRIGGER audit_entry_{verb.lower()} BEFORE {verb} ON audit_auditentry "
    if vendor == "postgresql":
        return f"{start}FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse()"
    return f"{start}BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END"


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_REFUSE_ON_POSTGRESQL)
        for verb in _VERBS:
            cursor.execute(_create(connection.vendor, verb))


def remove(connection: BaseDatabaseWrapper) -> None:
    """Drop them (retention by an operator, and tests that empty all tables)."""
    where = " ON audit_auditentry" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for verb in _VERBS:
            cursor.execute(f"DROP TRIGGER IF EXISTS audit_entry_{verb.lower()}{where}")
