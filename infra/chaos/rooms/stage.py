"""Prepares a database for the rig: run as a program with the product's settings, prints JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

PEOPLE = int(os.environ.get("SAGE_STAGE_PEOPLE", "5"))
FLOW: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "nodes": [{"id": "shared", "type": "manual_trigger", "pos": [0, 0]}],
    "edges": [],
}


def prepare() -> dict[str, Any]:
    """Ids, session cookies and a key. The database is brought up to date first."""
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - Django must be set up first
    from django.core.management import call_command  # noqa: PLC0415

    from apps.accounts.models import Person  # noqa: PLC0415
    from apps.accounts.services import token_create  # noqa: PLC0415
    from apps.accounts.types import Scope  # noqa: PLC0415
    from apps.flows.services import flow_create  # noqa: PLC0415
    from apps.workspaces.models import Membership, Workspace  # noqa: PLC0415
    from apps.workspaces.types import Role  # noqa: PLC0415

    call_command("migrate", verbosity=0, interactive=False)
    workspace = Workspace.objects.create(name="Kills")
    people = [
        Person.objects.create_user(f"editor{number}@example.org", None, name=f"Editor {number}")
        for number in range(PEOPLE)
    ]
    for number, person in enumerate(people):
        role = Role.OWNER if number == 0 else Role.EDITOR
        Membership.objects.create(workspace=workspace, person=person, role=role.value)
    _, key = token_create(people[0], name="kills", scopes=list(Scope), expires_in_days=30)
    flows = [
        flow_create(person=people[0], workspace=workspace, name="Kills", definition=FLOW)
        for _ in range(int(os.environ.get("SAGE_STAGE_FLOWS", "1")))
    ]
    return {
        "workspace_id": str(workspace.pk),
        "flow_id": str(flows[0].pk),
        "flow_ids": [str(flow.pk) for flow in flows],
        "person_ids": [str(person.pk) for person in people],
        "key": key,
        "cookies": [_signed_in(person) for person in people],
        "database": str(settings.DATABASES["default"]["NAME"]),
    }


def _signed_in(person: Any) -> str:
    """A session as signing in makes it, as a cookie header."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415

    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(prepare()) + "\n")
