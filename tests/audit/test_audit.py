"""The audit trail."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from apps.audit import selectors, triggers
from apps.audit.models import AuditChain, AuditEntry
from apps.audit.services import record
from tests.world import World

# The test database has no triggers (its tables are emptied between tests); one test installs them.


def chain(world: World, length: int = 4) -> str:
    for number in range(length):
        record(
            world.owner.person,
            "test.done",
            world.workspace.pk,
            ("thing", number),
            before=None,
            after={"n": number},
        )
    return str(world.workspace.pk)


def tamper(sql: str) -> None:
    """Change rows behind the model's back, as someone with the database would."""
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_chain_that_nobody_touched_holds(world: World) -> None:
    assert selectors.first_broken(chain(world)) is None


@pytest.mark.parametrize(
    ("sql", "broken_at"),
    [
        ("UPDATE audit_auditentry SET action = 'test.undone' WHERE seq = 2", 2),
        ("UPDATE audit_auditentry SET actor_email = '' WHERE seq = 3", 3),
        ("DELETE FROM audit_auditentry WHERE seq = 2", 2),
        ("DELETE FROM audit_auditentry WHERE seq = 4", 4),
    ],
)
def test_tampering_is_found_at_its_place(world: World, sql: str, broken_at: int) -> None:
    scope = chain(world)
    tamper(sql)
    assert selectors.first_broken(scope) == broken_at


def test_the_database_itself_refuses_to_change_or_delete_entries(world: World) -> None:
    chain(world)
    triggers.install(connection)
    for change in (
        lambda: AuditEntry.objects.update(action="x"),
        lambda: AuditEntry.objects.all().delete(),
    ):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            change()
    assert AuditEntry.objects.count() == 4


def test_each_workspace_has_its_own_chain(world: World) -> None:
    chain(world, 2)
    record(world.stranger.person, "test.done", world.elsewhere.pk)
    assert AuditChain.objects.get(scope=str(world.elsewhere.pk)).seq == 1


def test_owners_read_the_trail_of_their_workspace_with_its_origin(world: World) -> None:
    world.owner.client.post(f"{world.url}/invitations", {"role": "viewer"}, headers={"User-Agent": "tests"})
    items = world.owner.client.get(f"{world.url}/audit").json()["items"]
    assert [item["action"] for item in items] == ["invitation.created"]
    assert items[0]["actor_email"] == "owner@example.org"
    assert items[0]["origin"]["user_agent"] == "tests"
    assert items[0]["origin"]["ip"] == "127.0.0.1"
