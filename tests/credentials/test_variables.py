"""Variables and secrets of a workspace: who may, what runs read, and that secrets stay unseen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection

from apps.audit.models import AuditEntry
from apps.credentials import sealing
from apps.credentials.models import Credential, Variable
from apps.credentials.services import credentials_rotate, variables_for_run
from tests.executions.processes import ROOT
from tests.world import World

SECRET = "tok-very-secret-42"


def keep(world: World, name: str, value: Any, client: Any = None, **more: Any) -> Any:
    body = {"name": name, "value": value, **more}
    return (client or world.owner.client).post(f"{world.url}/variables", body)


def test_what_an_environment_says_wins_over_what_is_said_for_all(world: World) -> None:
    keep(world, "limit", 5)
    keep(world, "limit", 9, environment="draft")
    keep(world, "limit", 7, environment="production")
    keep(world, "shop", {"url": "https://shop.example"})
    values, secrets = variables_for_run(world.workspace.pk, "draft")
    assert values == {"limit": 9, "shop": {"url": "https://shop.example"}}
    assert secrets == []
    assert variables_for_run(world.workspace.pk, "staging")[0]["limit"] == 5


def test_a_secret_is_never_shown_nor_stored_plainly(world: World) -> None:
    made = keep(world, "TOKEN", SECRET, is_secret=True)
    assert made.status_code == 201
    assert made.json()["value"] is None
    assert SECRET not in world.owner.client.get(f"{world.url}/variables").content.decode()
    row = Variable.objects.get()
    assert row.value is None
    assert SECRET.encode() not in bytes(row.ciphertext) + bytes(row.wrapped_key)
    trail = AuditEntry.objects.get(action="variable.created")
    assert SECRET not in json.dumps([trail.before, trail.after])
    assert variables_for_run(world.workspace.pk, "draft") == ({"TOKEN": SECRET}, [SECRET])


def test_who_may_do_what(world: World) -> None:
    plain = keep(world, "a", 1).json()["id"]
    secret = keep(world, "B", SECRET, is_secret=True).json()["id"]
    expected = {
        "anonymous": (401, 401, 401, 401, 401),
        "stranger": (404, 404, 404, 404, 404),
        "viewer": (403, 403, 403, 403, 403),
        "editor": (200, 201, 403, 200, 403),
        "owner": (200, 201, 201, 200, 200),
    }
    for name, statuses in expected.items():
        client = world.everyone()[name]
        got = (
            client.get(f"{world.url}/variables").status_code,
            keep(world, f"by_{name}", 1, client).status_code,
            keep(world, f"by_{name}_s", SECRET, client, is_secret=True).status_code,
            client.patch(f"{world.url}/variables/{plain}", {"value": 2}).status_code,
            client.patch(f"{world.url}/variables/{secret}", {"value": "another-secret"}).status_code,
        )
        assert got == statuses, name
    assert world.editor.client.delete(f"{world.url}/variables/{secret}").status_code == 403
    assert world.editor.client.delete(f"{world.url}/variables/{plain}").status_code == 204


@pytest.mark.parametrize(
    "change",
    [
        {"name": "1st"},
        {"name": "a b"},
        {"name": "größe"},
        {"name": "x" * 65},
        {"environment": "moon"},
        {"is_secret": True, "value": "short"},
        {"is_secret": True, "value": 123456789},
        {"value": "x" * 100_001},
        {"workspace": "x"},
    ],
)
def test_bad_input_is_refused(world: World, change: dict[str, Any]) -> None:
    body = {"name": "fine", "value": 1, **change}
    assert world.owner.client.post(f"{world.url}/variables", body).status_code == 400


def test_a_name_is_taken_once_per_environment(world: World) -> None:
    assert keep(world, "a", 1).status_code == 201
    assert keep(world, "a", 1, environment="draft").status_code == 201
    assert keep(world, "a", 2).json()["code"] == "variable.taken"


def test_changes_are_in_the_trail_with_what_was_before(world: World) -> None:
    made = keep(world, "limit", 5).json()
    world.editor.client.patch(f"{world.url}/variables/{made['id']}", {"value": 6})
    entry = AuditEntry.objects.get(action="variable.changed")
    assert isinstance(entry.before, dict)
    assert isinstance(entry.after, dict)
    assert (entry.before["value"], entry.after["value"]) == ("5", "6")


ROTATE = """
import json, os
import django
django.setup()
from django.conf import settings
settings.CREDENTIAL_KEYS = json.loads(os.environ["TEST_KEYS"])
from apps.credentials.services import credentials_rotate
print(credentials_rotate())
"""


@pytest.mark.django_db(transaction=True)
def test_a_rotation_that_is_killed_half_way_goes_on(world: World, settings: Any) -> None:
    """A process of its own is killed after its third box; a second one finds the rest."""
    body = {"kind": "bearer", "fields": {"token": SECRET}, "allowed_hosts": ["api.example.org"]}
    for number in range(4):
        world.owner.client.post(f"{world.url}/credentials", {**body, "name": f"c{number}"})
        keep(world, f"v{number}", SECRET, is_secret=True)
    settings.CREDENTIAL_KEYS = ["n" * 40, *django_settings.CREDENTIAL_KEYS]
    kill_in_child("credentials.rewrapped:kill@3", settings.CREDENTIAL_KEYS)
    fresh = sealing.current_key_id()
    done = Credential.objects.filter(key_id=fresh).count() + Variable.objects.filter(key_id=fresh).count()
    assert done == 3
    assert credentials_rotate() == (5, 0)
    settings.CREDENTIAL_KEYS = ["n" * 40]
    assert variables_for_run(world.workspace.pk, "draft")[1] == [SECRET] * 4


def kill_in_child(point: str, keys: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ROTATE],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.executions.worker_settings",
            "SAGE_DATA_DIR": str(django_settings.DATA_DIR),
            "SAGE_TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "SAGE_FAILPOINTS": point,
            "TEST_KEYS": json.dumps(keys),
            "PYTHONPATH": str(ROOT),
        },
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -9, ended.stderr.decode()[-2000:]
