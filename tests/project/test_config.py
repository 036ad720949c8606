"""The environment: typed, read once, refused when bad."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from studio_project import keys
from studio_project.config import ConfigError, allowed_hosts, load, mail_settings, postgres_database

PRODUCTION = {
    "DATABASE_URL": "postgresql://studio:p%40ss@db:5433/studio?sslmode=require",
    "REDIS_URL": "redis://cache:6379/0",
    "SAGE_SECRET_KEY": "s" * 40,
    "SAGE_CREDENTIAL_KEYS": "k1,k2",
    "SAGE_BASE_URL": "https://studio.example.org",
}


def test_an_empty_environment_means_embedded_on_loopback() -> None:
    config = load({})
    assert not config.is_production
    assert config.address == "http://127.0.0.1:8080"
    assert config.listens_on_loopback_only


def test_a_complete_production_environment_is_accepted() -> None:
    config = load(PRODUCTION)
    assert config.is_production
    assert not config.listens_on_loopback_only
    assert [key.get_secret_value() for key in config.credential_keys] == ["k1", "k2"]
    assert allowed_hosts(config)[0] == "studio.example.org"


@pytest.mark.parametrize("missing", ["SAGE_SECRET_KEY", "SAGE_CREDENTIAL_KEYS", "REDIS_URL", "SAGE_BASE_URL"])
def test_production_makes_nothing_up(missing: str) -> None:
    with pytest.raises(ConfigError, match=f"{missing} is required"):
        load({name: value for name, value in PRODUCTION.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SAGE_PORT", "eighty", "SAGE_PORT: .*integer"),
        ("SAGE_PORT", "70000", "SAGE_PORT: .*65535"),
        ("SAGE_SIGNUP", "everyone", "SAGE_SIGNUP: .*'invite' or 'open'"),
        ("SAGE_LOG_FORMAT", "xml", "SAGE_LOG_FORMAT"),
        ("SAGE_WORKERS", "-1", "SAGE_WORKERS"),
        ("DATABASE_URL", "mysql://db/x", "DATABASE_URL: must be an address"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL: must be an address"),
        ("SAGE_TRUSTED_PROXIES", "10.0.0.0/33", "SAGE_TRUSTED_PROXIES"),
        ("SAGE_HOST", "0.0.0.0", "SAGE_BASE_URL is required when SAGE_HOST is not a loopback"),
        ("SAGE_SECRET_KEY", "short", "at least 32 characters"),
    ],
)
def test_bad_values_are_refused_by_name(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load({name: value})


def test_a_secret_is_never_in_the_message() -> None:
    with pytest.raises(ConfigError) as caught:
        load(
            {**PRODUCTION, "SAGE_SECRET_KEY": "hunter2hunter2", "DATABASE_URL": "oops://user:topsecret@db/x"}
        )
    assert "hunter2" not in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_any_setting_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("z" * 40 + "\n")
    config = load({"SAGE_SECRET_KEY_FILE": str(secret)})
    assert config.secret_key is not None
    assert config.secret_key.get_secret_value() == "z" * 40


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SAGE_SECRET_KEY_FILE: cannot read"):
        load({"SAGE_SECRET_KEY_FILE": str(tmp_path / "nothing")})


def test_the_database_address_is_taken_apart_and_its_options_are_an_allow_list() -> None:
    database = postgres_database(PRODUCTION["DATABASE_URL"])
    assert (database["USER"], database["PASSWORD"], database["HOST"], database["PORT"]) == (
        "studio",
        "p@ss",
        "db",
        "5433",
    )
    assert database["OPTIONS"]["sslmode"] == "require"
    assert "synchronous_commit=on" in database["OPTIONS"]["options"]
    assert postgres_database("postgresql:///x?host=/run/pg")["HOST"] == "/run/pg"
    with pytest.raises(ConfigError, match="service"):
        postgres_database("postgresql://db/x?service=evil")


def test_mail_goes_to_files_until_a_server_is_named(tmp_path: Path) -> None:
    assert mail_settings(load({}), tmp_path)["EMAIL_FILE_PATH"] == tmp_path / "mail"
    settings = mail_settings(load({"SAGE_EMAIL_URL": "smtps://u:p@mail.example.org?from=a%40b.c"}), tmp_path)
    assert settings["EMAIL_PORT"] == 465
    assert settings["EMAIL_USE_SSL"]
    assert settings["DEFAULT_FROM_EMAIL"] == "a@b.c"


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(keys.read_or_make, [path] * 16))
    assert len(made) == 1
    assert len(made.pop()) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def _start(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SAGE_", "DATABASE_", "REDIS_"))
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=clean | environment | {"DJANGO_SETTINGS_MODULE": "studio_project.settings"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_a_process_with_bad_settings_says_so_and_ends_without_a_traceback(tmp_path: Path) -> None:
    done = _start({"SAGE_DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://db/x"})
    assert done.returncode != 0
    assert "SAGE_SECRET_KEY is required" in done.stderr
    assert "Traceback" not in done.stderr
