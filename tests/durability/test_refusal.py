"""A database that would lose what it has acknowledged is refused."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.common.durability import NotDurable, durability_faults, require_durable_database
from apps.common.sqlite.base import DatabaseWrapper
from infra import services
from infra.setup.console import ROOT


def test_a_connection_of_sqlite_that_would_not_flush_is_refused(tmp_path: Path) -> None:
    lax = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    settings = {**connection.settings_dict, "ENGINE": "apps.common.sqlite", "NAME": tmp_path / "lax.sqlite3"}
    settings["OPTIONS"] = {"init_command": lax}
    with pytest.raises(ImproperlyConfigured, match="synchronous=1"):
        DatabaseWrapper(settings, alias="lax").connect()


@pytest.mark.django_db
@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the PostgreSQL of tests does not flush")
def test_the_database_as_it_is_shipped_has_no_fault() -> None:
    assert durability_faults() == []


@pytest.mark.django_db
def test_what_is_found_is_refused_or_said(monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    monkeypatch.setattr("apps.common.durability.durability_faults", lambda: ["fsync=off"])
    monkeypatch.setattr("apps.common.durability.connection.close", lambda: None)
    settings.ALLOW_UNSAFE_DATABASE = True  # type: ignore[attr-defined]  # the fixture sets what it is told
    require_durable_database()
    settings.ALLOW_UNSAFE_DATABASE = False  # type: ignore[attr-defined]
    with pytest.raises(NotDurable, match="fsync=off"):
        require_durable_database()


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("DATABASE_URL"), reason="starts a PostgreSQL of its own, in that pass")
def test_web_and_worker_do_not_start_on_a_postgresql_that_does_not_flush(tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_")}
    with services.postgres(durable=False) as address:
        environment = {
            **inherited,
            "DJANGO_SETTINGS_MODULE": "studio_project.settings",
            "DATABASE_URL": address,
            "SAGE_DATA_DIR": str(tmp_path),
            "SAGE_SECRET_KEY": secrets.token_urlsafe(48),
            "SAGE_CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "SAGE_BASE_URL": "http://127.0.0.1",
        }
        for role in ("web", "worker"):
            done = subprocess.run(
                [sys.executable, "-m", "studio_project.serve", role],
                env=environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 1, done.stderr[-2000:]
            assert "fsync=off" in done.stderr
