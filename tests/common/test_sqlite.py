"""The SQLite backend: one fair writer at a time across processes and threads."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections, transaction
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from apps.common.sqlite import base, filesystem


@pytest.fixture(autouse=True)
def _own_databases(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """These tests open files of their own and never touch the test database, except where marked."""
    with django_db_blocker.unblock():
        yield


def open_database(path: Path) -> base.DatabaseWrapper:
    """A connection of its own to a database file."""
    databases = {"default": {"ENGINE": "apps.common.sqlite", "NAME": str(path), "ATOMIC_REQUESTS": False}}
    opened = ConnectionHandler(databases)["default"]
    assert isinstance(opened, base.DatabaseWrapper)
    opened.inc_thread_sharing()
    return opened


WRITER = """
import sys, time
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "apps.common.sqlite", "NAME": sys.argv[1]}}, USE_TZ=True)
import django
django.setup()
from django.db import connection, transaction
name, seconds, hold_s, pause_s = sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
def counted(cursor):
    cursor.execute("SELECT value FROM counter")
    return cursor.fetchone()[0]
end, waits, count = time.monotonic() + seconds, [], 0
with connection.cursor() as cursor:
    counted(cursor)
while time.monotonic() < end or count < 20:
    with connection.cursor() as cursor:
        before = counted(cursor)
    with transaction.atomic():
        with connection.cursor() as cursor:
            value = counted(cursor)
            waits.append(value - before)
            if name == "holder":
                print("inside", flush=True)
            time.sleep(hold_s)
            cursor.execute("UPDATE counter SET value = %s", [value + 1])
    count += 1
    time.sleep(pause_s)
waits.sort()
print(name, count, waits[int(len(waits) * 0.95)])
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a.sqlite3"
    wrapper = open_database(path)
    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE counter (value INTEGER)")
        cursor.execute("INSERT INTO counter VALUES (0)")
    wrapper.close()
    return path


def test_light_writers_are_not_starved_by_a_busy_one_in_another_process(database: Path) -> None:
    """Nothing is lost, and beside a writer that never pauses the others wait for a transaction or two of
    each of the others, counted: how long those take is the machine's business."""
    plans = [("busy", 0.004, 0.0), ("light", 0.0, 0.01), ("light", 0.0, 0.01)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(database), name, "2.5", str(hold), str(pause)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, hold, pause in plans
    ]
    reports = [process.communicate(timeout=150)[0].split() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    with sqlite3.connect(database) as raw:
        total = raw.execute("SELECT value FROM counter").fetchone()[0]
    assert total == sum(int(count) for _, count, _ in reports)
    for name, count, p95_wait in reports:
        if name == "light":
            assert int(count) >= 20
            assert int(p95_wait) <= 4


def test_a_killed_writer_gives_the_lock_back(database: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(database), "holder", "3600", "3600", "0"], stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"inside\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    wrapper = open_database(database)
    with wrapper.cursor() as cursor:
        cursor.execute("UPDATE counter SET value = 7")
    wrapper.close()


def test_the_database_is_in_wal_mode_with_full_synchronous(database: Path) -> None:
    wrapper = open_database(database)
    with wrapper.cursor() as cursor:
        modes = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    wrapper.close()
    assert modes == ["wal", 2]


def test_reading_does_not_wait_for_a_writer(database: Path) -> None:
    writer, reader = open_database(database), open_database(database)
    writer.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with reader.cursor() as cursor:
        assert cursor.execute("SELECT value FROM counter").fetchone() == (0,)
    writer.rollback()
    writer.set_autocommit(True)
    writer.close()
    reader.close()


def test_a_lone_statement_waits_for_the_lock(database: Path) -> None:
    first, second = open_database(database), open_database(database)
    done = threading.Event()

    def write() -> None:
        with second.cursor() as cursor:
            cursor.execute("UPDATE counter SET value = value + 1")
        done.set()

    first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    thread = threading.Thread(target=write)
    thread.start()
    assert not done.wait(0.2)
    first.rollback()
    assert done.wait(60)
    thread.join()
    first.close()
    second.close()


def test_a_thread_that_would_wait_for_itself_is_told_so(database: Path) -> None:
    first, second = open_database(database), open_database(database)
    first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    with pytest.raises(OperationalError, match="another connection"), second.cursor() as cursor:
        cursor.execute("UPDATE counter SET value = 1")
    first.rollback()
    first.close()
    second.close()


@pytest.mark.django_db(transaction=True)
def test_nested_blocks_hold_the_lock_until_the_outermost_ends() -> None:
    connection = connections["default"]
    if not isinstance(connection, base.DatabaseWrapper):
        pytest.skip("this run is on PostgreSQL")
    with transaction.atomic():
        with transaction.atomic():
            pass
        assert connection._lock_depth == 1
    assert connection._lock_depth == 0
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        _ = 1 / 0
    assert connection._lock_depth == 0


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:50 / /srv/share\\040one rw,relatime - nfs4 server:/x rw
41 22 0:51 / /srv/share\\040one/local rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/a", "ext4"), ("/srv/share one/data", "nfs4"), ("/srv/share one/local/x", "xfs")],
)
def test_the_nearest_mount_says_the_file_system(path: str, kind: str) -> None:
    assert filesystem.filesystem_of(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"40 22 0:50 / {tmp_path} rw - nfs4 server:/x rw\n")
    monkeypatch.setattr(filesystem, "_MOUNTS", mounts)
    with pytest.raises(ImproperlyConfigured, match="network file system"):
        open_database(tmp_path / "b.sqlite3").connect()
