"""The product's own web or worker process with a witness inside: ``python -m tests.durability.witness web``.

It notes every database connection with its thread and how durable it is, and looks at the database through a
connection of its own at the moment an acknowledgement is about to leave. Notes are lines of JSON in the file
``SAGE_TEST_WITNESS``.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import django

Send = Callable[[dict[str, Any]], Awaitable[None]]


def main(role: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from django.db.backends.signals import connection_created

    from studio_project import serve

    connection_created.connect(_note_connection)
    if role == "web":
        from studio_project import asgi

        asgi.application = _watched(asgi.application)
    return serve.main([role])


def note(**facts: Any) -> None:
    descriptor = os.open(os.environ["SAGE_TEST_WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(facts) + "\n").encode())
    finally:
        os.close(descriptor)


def _note_connection(connection: Any, **_: Any) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            mode = cursor.execute("PRAGMA journal_mode").fetchone()[0]
            level = {2: "full", 3: "extra"}.get(cursor.execute("PRAGMA synchronous").fetchone()[0], "less")
            facts = [mode, level]
        else:
            cursor.execute("SELECT current_setting('synchronous_commit')")
            facts = ["postgres", cursor.fetchone()[0]]
    note(what="connection", thread=threading.current_thread().name, is_durable=facts)


def seen_from_outside(query: str, values: Sequence[Any]) -> Any:
    """The first value of a query over a connection that takes part in nothing: it sees what is committed."""
    from django.db import connection

    if connection.vendor == "sqlite":
        plain = sqlite3.connect(f"file:{connection.settings_dict['NAME']}?mode=ro", uri=True)
        try:
            found = plain.execute(query.replace("%s", "?"), list(values)).fetchone()
        finally:
            plain.close()
        return found[0] if found else None
    import psycopg

    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    address = {name: connection.settings_dict[key] for name, key in names.items()}
    with psycopg.connect(**{k: v for k, v in address.items() if v}, autocommit=True) as other:
        found = other.execute(query, list(values)).fetchone()
    return found[0] if found else None


def _watched(application: Any) -> Any:
    async def watched(scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] == "websocket" and scope["path"].startswith("/ws/doc/"):
            look = partial(_look_at_acknowledgement, scope["path"].rstrip("/").rsplit("/", 1)[-1])
            await application(_watching_writes(scope, look), receive, _watching_frames(look, send))
        elif scope["type"] == "http" and scope["method"] == "POST":
            await application(scope, receive, _watching_promises(send))
        else:
            await application(scope, receive, send)

    return watched


def _watching_promises(send: Send) -> Send:
    """A 202 is held for a moment: is the run it names there?"""
    held: list[dict[str, Any]] = []

    async def watching(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] == 202:
            held.append(message)
            return
        if held:
            run_id = str(json.loads(message["body"])["id"])
            found = seen_from_outside("SELECT count(*) FROM executions_run WHERE id = %s", [_stored(run_id)])
            events = seen_from_outside(
                "SELECT count(*) FROM executions_runevent WHERE run_id = %s", [_stored(run_id)]
            )
            note(what="promise", run_id=run_id, found=found, events=events)
            await send(held.pop())
        await send(message)

    return watching


def _look_at_acknowledgement(flow_id: str, frame: bytes) -> None:
    """An acknowledgement names a position of the journal: does the journal reach it?"""
    from apps.collaboration.wire import frames
    from apps.collaboration.wire.varints import read_uint

    kind, at = read_uint(frame, 0)
    if kind == frames.ACKNOWLEDGED:
        count, at = read_uint(frame, at)
        seq, _ = read_uint(frame, at)
        stored = seen_from_outside(
            "SELECT head_seq FROM collaboration_document WHERE flow_id = %s", [_stored(flow_id)]
        )
        note(what="acknowledgement", frames=count, seq=seq, stored=stored)


def _watching_writes(scope: Any, look: Callable[[bytes], None]) -> Any:
    """Rooms hand most frames to the connection itself (see ``WRITE_NOW``)."""
    from apps.collaboration.consumers import WRITE_NOW

    extensions = dict(scope.get("extensions", {}))
    if write := extensions.get(WRITE_NOW):

        def watching(frame: bytes) -> None:
            look(frame)
            write(frame)

        extensions[WRITE_NOW] = watching
    return {**scope, "extensions": extensions}


def _watching_frames(look: Callable[[bytes], None], send: Send) -> Send:
    async def watching(message: dict[str, Any]) -> None:
        if frame := message.get("bytes"):
            look(frame)
        await send(message)

    return watching


def _stored(row_id: str) -> str:
    """SQLite keeps ids as 32 digits; PostgreSQL reads either."""
    return row_id.replace("-", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
