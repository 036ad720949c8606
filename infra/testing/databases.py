"""An empty database with all tables, made once per pass: tests begin with a copy of it, for bringing one
up to date takes longer than most files of tests.

``SAGE_TEST_EMPTY_DATABASE`` names it: a file of SQLite, or a database of the PostgreSQL server.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from infra.setup.console import ROOT

NAME = "SAGE_TEST_EMPTY_DATABASE"


def empty_sqlite(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables that tell tests of it."""
    _migrate({**env, "SAGE_DATA_DIR": str(folder)})
    return {NAME: str(folder / "studio.sqlite3")}


def empty_postgres(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Beside the server's own database, because nobody may be connected to one that is copied."""
    import psycopg  # noqa: PLC0415 - only this function needs it

    with psycopg.connect(env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
    address = urlunsplit(urlsplit(env["DATABASE_URL"])._replace(path="/empty"))
    _migrate({**env, "DATABASE_URL": address, "SAGE_DATA_DIR": str(folder)})
    return {NAME: "empty"}


def _migrate(env: Mapping[str, str]) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    settings = {**env, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run(command, cwd=ROOT, env=settings, stdin=subprocess.DEVNULL, check=True)
