"""Prepares the database of a real server for tests: run as a program, prints JSON.

Makes a workspace with owner, editor and viewer, a stranger outside, flows, and a session cookie for
each person; then runs scripts it is sent.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def main() -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)

    from apps.flows.services import flow_create
    from tests.world import make_world

    world = make_world()
    cookies = {}
    for name in ("owner", "editor", "viewer", "stranger"):
        person = getattr(world, name).person
        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.create()
        cookies[name] = f"sessionid={session.session_key}"
    flows = [
        flow_create(person=world.owner.person, workspace=world.workspace, name="Another") for _ in range(60)
    ]
    return {
        "flow_ids": [str(flow.pk) for flow in flows],
        "workspace_id": str(world.workspace.pk),
        "cookies": cookies,
        "people": {name: str(getattr(world, name).person.pk) for name in cookies},
    }


def serve() -> None:
    """Then run what is asked for, one JSON line each way, so that tests need not start Django anew."""
    for line in sys.stdin:
        output = io.StringIO()
        answer: dict[str, Any]
        try:
            with redirect_stdout(output):
                exec(json.loads(line), {})
            answer = {"output": output.getvalue().strip()}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    print(json.dumps(main()), flush=True)
    serve()
