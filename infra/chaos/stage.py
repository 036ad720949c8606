"""Prepares the database of a chaos run: a workspace with the flows of the mix and a key for the API.

Run as a program with the product's settings; the flows come as JSON on standard input, what was made
goes out as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django


def prepare(flows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ids and the key. The database is brought up to date first."""
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - Django must be set up first

    from apps.accounts.models import Person  # noqa: PLC0415
    from apps.accounts.services import token_create  # noqa: PLC0415
    from apps.accounts.types import Scope  # noqa: PLC0415
    from apps.flows.services import flow_create  # noqa: PLC0415
    from apps.workspaces.models import Membership, Workspace  # noqa: PLC0415
    from apps.workspaces.types import Role  # noqa: PLC0415

    call_command("migrate", verbosity=0, interactive=False)
    person = Person.objects.create_user("chaos@example.org", None, name="Chaos")
    workspace = Workspace.objects.create(name="Chaos")
    Membership.objects.create(workspace=workspace, person=person, role=Role.OWNER.value)
    _, secret = token_create(person, name="chaos", scopes=list(Scope), expires_in_days=30)
    made = {
        name: str(flow_create(person=person, workspace=workspace, name=name, definition=body).pk)
        for name, body in flows.items()
    }
    return {"workspace_id": str(workspace.pk), "key": secret, "flows": made}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(prepare(json.load(sys.stdin))) + "\n")
