"""sql_query and sql_write against PostgreSQL, MariaDB and SQLite files."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from sage_studio.plugins.builtin.output.sql_write import SqlWrite
from sage_studio.plugins.builtin.source.sql_query import SqlQuery
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support.places import Place
from sage_studio.plugins.support.sql.mysql import MysqlSession
from sage_studio.plugins.support.sql.session import Batch
from sage_studio.plugins.support.sql.statement import bind
from tests.nodes.running import failure_of, run_node
from tests.servers.certificates import Authority
from tests.servers.databases import Database
from tests.servers.rude import rude_server

NETWORKS = "127.0.0.0/8, ::1/128"
SERVERS = ("postgresql", "mysql")


def credential(kind: str, server: Database, **changes: Any) -> str:
    fields = {
        "kind": kind, "host": server.host, "port": server.port, "username": server.user,
        "password": server.password, "database": server.database, "tls": "off", **changes,
    }  # fmt: skip
    return json.dumps(fields)


@pytest.fixture
def servers(postgres_server: Database, mariadb_server: Database) -> dict[str, Database]:
    return {"postgresql": postgres_server, "mysql": mariadb_server}


@contextmanager
def host_with(folder: Path, **credentials: str) -> Iterator[LocalHost]:
    environ = {f"SAGE_CREDENTIAL_{name.upper()}": value for name, value in credentials.items()}
    with LocalHost(folder=folder, environ={"SAGE_ALLOW_PRIVATE_NETWORK": NETWORKS, **environ}) as made:
        yield made


@pytest.fixture
def host(tmp_path: Path, servers: dict[str, Database]) -> Iterator[LocalHost]:
    held = {kind: credential(kind, server) for kind, server in servers.items()}
    with host_with(tmp_path / "out", **held) as made:
        yield made


async def ask(host: LocalHost, kind: str, sql: str, **config: Any) -> Mapping[str, Any]:
    return await run_node("sql_query", host, config={"kind": kind, "credential": kind, "sql": sql, **config})


async def change(host: LocalHost, kind: str, *statements: str) -> None:
    for sql in statements:
        await ask(host, kind, sql, read_only=False)


async def failing(host: LocalHost, kind: str, sql: str, **config: Any) -> Mapping[str, Any]:
    settings = {"kind": kind, "credential": kind, "sql": sql, **config}
    return await failure_of("sql_query", host, config=settings)


async def test_values_of_postgresql_come_out_as_json_people_expect(host: LocalHost) -> None:
    made = await ask(
        host,
        "postgresql",
        """SELECT 1 AS i, 9007199254740993 AS big, 12.50::numeric AS price, 0.1234567890123456789 AS exact,
        2.5::float8 AS f, 'NaN'::float8 AS nan, true AS yes, NULL AS nothing, 'Ü 李' AS t,
        '2024-02-29'::date AS d, '10:11:12'::time AS clock, '2024-05-01 10:00:00.5'::timestamp AS local,
        '2024-05-01 10:00:00+02'::timestamptz AS at, 'infinity'::timestamptz AS never,
        '1 month 2 days 03:04:05'::interval AS span, '\\x00ff'::bytea AS raw, '{"a": [1, null]}'::jsonb AS j,
        ARRAY[1, 2, NULL] AS list, ARRAY['2024-01-01 00:00+00'::timestamptz] AS times,
        '6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid AS id, '10.0.0.0/8'::cidr AS net,
        '[1,5)'::int4range AS r""",
    )
    assert made["rows"] == [
        {
            "i": 1, "big": 9007199254740993, "price": 12.5, "exact": "0.1234567890123456789", "f": 2.5,
            "nan": "nan", "yes": True, "nothing": None, "t": "Ü 李", "d": "2024-02-29", "clock": "10:11:12",
            "local": "2024-05-01T10:00:00.5", "at": "2024-05-01T08:00:00Z", "never": "infinity",
            "span": "P1M2DT3H4M5S", "raw": "AP8=", "j": {"a": [1, None]}, "list": [1, 2, None],
            "times": ["2024-01-01T00:00:00Z"], "id": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "net": "10.0.0.0/8", "r": "[1, 5)",
        }
    ]  # fmt: skip
    assert (made["count"], made["truncated"]) == (1, False)


async def test_values_of_mariadb_come_out_as_json_people_expect(host: LocalHost) -> None:
    made = await ask(
        host,
        "mysql",
        """SELECT 1 AS i, CAST(12.5 AS DECIMAL(10,2)) AS price, 2.5e0 AS f, NULL AS nothing, 'Ü 李' AS t,
        DATE'2024-02-29' AS d, TIME'10:11:12' AS clock, TIMESTAMP'2024-05-01 10:00:00' AS local,
        X'00ff' AS raw, TIMEDIFF('01:00:00', '03:30:00') AS span""",
    )
    assert made["rows"] == [
        {
            "i": 1, "price": 12.5, "f": 2.5, "nothing": None, "t": "Ü 李", "d": "2024-02-29",
            "clock": "10:11:12", "local": "2024-05-01T10:00:00", "raw": "AP8=", "span": "-02:30:00",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("kind", SERVERS)
async def test_values_are_bound_and_never_become_statement(host: LocalHost, kind: str) -> None:
    evil = "x'; DROP TABLE things; -- \\' %s $1"
    sql = "SELECT :a AS a, ':a 100%' AS quoted, :b AS b, :a AS again -- :nothing"
    made = await ask(host, kind, sql, values={"a": evil, "b": "b"})
    assert made["rows"] == [{"a": evil, "quoted": ":a 100%", "b": "b", "again": evil}]
    assert (await ask(host, kind, "SELECT $2 AS x", values=["1", "two"]))["rows"] == [{"x": "two"}]


@pytest.mark.parametrize("kind", SERVERS)
async def test_what_is_wrong_is_said_with_code_and_place(host: LocalHost, kind: str) -> None:
    wrong = await failing(host, kind, "SELECT :a AS one,\n  2 FRM somewhere", values={"a": 1})
    assert (wrong["code"], wrong["details"]["line"]) == ("sql.syntax", 2), wrong
    assert wrong["details"]["sqlstate"] in {"42601", "42000"}
    assert (await failing(host, kind, "SELECT * FROM nowhere"))["code"] == "sql.missing"
    assert (await failing(host, kind, "SELECT nothing"))["code"] == "sql.missing"
    assert (await failing(host, kind, "SELECT :x"))["code"] == "sql.no_value"
    assert (await failing(host, kind, "SELECT '{{ x }}', {{ x }}"))["code"] == "sql.template"
    assert (await failing(host, kind, "SELECT 1; SELECT 2"))["code"] == "sql.syntax"
    assert (await failing(host, kind, " ; "))["code"] == "sql.empty"


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_node_that_only_reads_is_held_to_it_by_the_database(host: LocalHost, kind: str) -> None:
    await change(host, kind, "DROP TABLE IF EXISTS kept", "CREATE TABLE kept (n int)")
    for sql in ("INSERT INTO kept VALUES (1)", "COMMIT; INSERT INTO kept VALUES (1)"):
        assert (await failing(host, kind, sql))["code"] in {"sql.read_only", "sql.syntax"}
    assert (await ask(host, kind, "SELECT count(*) AS n FROM kept"))["rows"] == [{"n": 0}]
    made = await ask(host, kind, "INSERT INTO kept VALUES (1), (2)", read_only=False)
    assert (made["rows"], made["count"]) == ([], 2)
    assert SqlQuery.effect({}) == "idempotent"
    assert SqlQuery.effect({"read_only": False}) == "at_most_once"


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_statement_that_takes_too_long_is_stopped(host: LocalHost, kind: str) -> None:
    sql = "SELECT pg_sleep(60)" if kind == "postgresql" else "SELECT sleep(60)"
    wrong = await failing(host, kind, sql, timeout_s=0.3)
    assert wrong["code"] == "sql.timeout", wrong


@pytest.mark.parametrize("kind", SERVERS)
async def test_more_rows_than_wanted_are_left_in_the_database(host: LocalHost, kind: str) -> None:
    numbers = (
        "SELECT * FROM generate_series(1, 5000) AS n"
        if kind == "postgresql"
        else "SELECT seq AS n FROM seq_1_to_5000"
    )
    made = await ask(host, kind, numbers, max_rows=3_000)
    assert (made["count"], made["truncated"], made["rows"][-1]) == (3_000, True, {"n": 3_000})
    made = await ask(host, kind, numbers, max_rows=0)
    assert (made["count"], made["truncated"], len(made["rows"])) == (5_000, False, 5_000)


async def test_rows_that_nobody_has_taken_stay_at_the_server(
    host: LocalHost, mariadb_server: Database
) -> None:
    """MariaDB's driver would read on into memory; PostgreSQL is asked for each batch."""
    server = mariadb_server
    place = Place(
        "mysql",
        server.host,
        server.port,
        server.user,
        server.password,
        "off",
        "",
        {"database": server.database},
    )
    ctx: Any = SimpleNamespace(http=host.http)
    session = await MysqlSession.open(ctx, place, read_only=True, timeout_s=60)
    statement = bind("SELECT seq FROM seq_1_to_1000000", {}, session.notation, session.adapt)
    rows = cast(AsyncGenerator[Batch, None], session.rows(statement, size=1_000))
    assert len((await anext(rows)).rows) == 50
    assert not session._connection._transport.is_reading()
    await rows.aclose()
    await session.close()


async def test_wrong_places_and_accounts_are_told_apart(tmp_path: Path, servers: dict[str, Database]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        free = closed.getsockname()[1]
    held: dict[str, str] = {}
    for kind, server in servers.items():
        held |= {
            f"{kind}_port": credential(kind, server, port=free),
            f"{kind}_password": credential(kind, server, password="wrong-one"),
            f"{kind}_database": credential(kind, server, database="elsewhere"),
            f"{kind}_name": credential(kind, server, host="nowhere.invalid"),
            f"{kind}_private": credential(kind, server, host="10.1.2.3"),
        }
    expected = {
        "port": {"server.unreachable"}, "password": {"server.login"}, "name": {"http.unreachable"},
         "database": {"sql.no_database", "server.login"},
        "private": {"http.refused"},
    }  # fmt: skip
    with host_with(tmp_path, **held) as host:
        for name in held:
            kind, _, what = name.partition("_")
            wrong = await failure_of(
                "sql_query", host, config={"kind": kind, "credential": name, "sql": "SELECT 1"}
            )
            assert wrong["code"] in expected[what], (name, wrong)
            assert "wrong-one" not in json.dumps(wrong)


async def test_tls_checks_the_certificate_against_the_name(
    tmp_path: Path, postgres_server: Database, authority: Authority
) -> None:
    held = {
        "named": credential("postgresql", postgres_server, host="localhost", tls="on"),
        "other": credential("postgresql", postgres_server, host="127.0.0.1", tls="on"),
    }
    with host_with(tmp_path, **held) as host:
        sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        made = await ask(host, "postgresql", sql, credential="named", ca=authority.pem)
        assert made["rows"] == [{"ssl": True}]
        for name, ca in (("named", ""), ("other", authority.pem)):
            wrong = await failing(host, "postgresql", sql, credential=name, ca=ca)
            assert wrong["code"] == "server.tls", (name, wrong)
        wrong = await failing(host, "postgresql", sql, credential="named", ca="nonsense")
        assert wrong["code"] == "server.bad_ca"


async def test_a_server_without_tls_is_not_told_the_password(
    tmp_path: Path, mariadb_server: Database
) -> None:
    with host_with(tmp_path, my=credential("mysql", mariadb_server, tls="on")) as host:
        wrong = await failing(host, "mysql", "SELECT 1", credential="my")
    assert wrong["code"] == "server.tls", wrong


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    "say", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff\xff\x00\x0a" + b"5" * 40]
)
async def test_servers_that_make_no_sense_end_in_clear_errors(tmp_path: Path, kind: str, say: bytes) -> None:
    with (
        rude_server(say, close=True) as port,
        host_with(tmp_path, db=credential(kind, Database(port, ""))) as host,
    ):
        wrong = await failing(host, kind, "SELECT 1", credential="db")
    assert wrong["code"].startswith("server."), wrong


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_silent_server_does_not_hold_up_a_cancel(tmp_path: Path, kind: str) -> None:
    with (
        rude_server(b"", close=False) as port,
        host_with(tmp_path, db=credential(kind, Database(port, ""))) as host,
    ):
        task = asyncio.create_task(ask(host, kind, "SELECT 1", credential="db"))
        await asyncio.sleep(0.3)
        task.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_cancel_ends_a_long_statement(host: LocalHost, kind: str, postgres_server: Database) -> None:
    sql = "SELECT pg_sleep(300)" if kind == "postgresql" else "SELECT sleep(300)"
    task = asyncio.create_task(ask(host, kind, sql))
    await asyncio.sleep(0.5)
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    if kind == "postgresql":
        with psycopg.connect(postgres_server.admin) as admin:
            running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DECLARE%pg_sleep(300)%'"
            assert admin.execute(running).fetchone() == (0,)


# ---------------------------------------------------------------------------------------------- writing

TABLE = "CREATE TABLE people (id int PRIMARY KEY, name varchar(20) NOT NULL, born date, facts {json})"
FACTS = {"postgresql": "jsonb", "mysql": "json", "sqlite": "text"}


async def write(host: LocalHost, kind: str, rows: Any, **config: Any) -> Mapping[str, Any]:
    settings = {"kind": kind, "credential": kind, "table": "people", **config}
    return await run_node("sql_write", host, config=settings, inputs={"rows": rows})


async def refused(host: LocalHost, kind: str, rows: Any, **config: Any) -> Mapping[str, Any]:
    settings = {"kind": kind, "credential": kind, "table": "people", **config}
    return await failure_of("sql_write", host, config=settings, inputs={"rows": rows})


@pytest.mark.parametrize("kind", SERVERS)
async def test_rows_are_inserted_changed_and_skipped(host: LocalHost, kind: str) -> None:
    await change(host, kind, "DROP TABLE IF EXISTS people", TABLE.format(json=FACTS[kind]))
    rows = [
        {"id": n, "name": f"李 {n}'\"", "born": "2000-01-02", "facts": {"tags": ["a", n]}}
        for n in range(1_200)
    ]
    assert (await write(host, kind, rows))["written"] == 1_200
    assert (await refused(host, kind, rows[:1]))["code"] == "sql.constraint"
    made = await write(
        host, kind, [{"id": 1, "name": "new"}, {"id": 5_000, "name": "more"}], mode="upsert", keys=["id"]
    )
    assert made["written"] == 2
    assert (await write(host, kind, [{"id": 2, "name": "never"}], mode="skip"))["written"] == 1
    found = await ask(
        host, kind, "SELECT id, name, born, facts FROM people WHERE id IN (1, 2, 5000) ORDER BY id"
    )
    assert [(row["id"], row["name"], row["born"]) for row in found["rows"]] == [
        (1, "new", "2000-01-02"), (2, "李 2'\"", "2000-01-02"), (5_000, "more", None),
    ]  # fmt: skip
    facts = found["rows"][0]["facts"]
    assert (json.loads(facts) if isinstance(facts, str) else facts) == {"tags": ["a", 1]}


@pytest.mark.parametrize("kind", SERVERS)
async def test_what_a_table_refuses_comes_out_with_the_reason(host: LocalHost, kind: str) -> None:
    await change(host, kind, "DROP TABLE IF EXISTS people", TABLE.format(json=FACTS[kind]))
    rows: list[dict[str, Any]] = [{"id": n, "name": str(n)} for n in range(300)]
    rows[17] = {"id": 17, "name": None}
    rows[203] = {"id": 203, "name": "x" * 50}
    rows[250] = {"id": 3, "name": "again"}
    assert (await refused(host, kind, rows))["code"] in {"sql.constraint", "sql.bad_value"}
    assert (await ask(host, kind, "SELECT count(*) AS n FROM people"))["rows"] == [{"n": 0}]
    made = await write(host, kind, rows, on_reject="collect")
    assert made["written"] == 297
    reasons = [(entry["row"]["id"], entry["error"]["code"]) for entry in made["rejects"]]
    assert reasons == [(17, "sql.constraint"), (203, "sql.bad_value"), (3, "sql.constraint")]
    assert (await ask(host, kind, "SELECT count(*) AS n FROM people"))["rows"] == [{"n": 297}]


@pytest.mark.parametrize("kind", SERVERS)
async def test_names_of_tables_and_columns_can_be_nothing_else(host: LocalHost, kind: str) -> None:
    evil = {"id": 1, 'x") VALUES (1); DROP TABLE people; --': 2}
    assert (await refused(host, kind, [evil]))["code"] in {"sql.missing", "sql.syntax"}
    for name in ("a\nb", "a.b.c", " a", "x" * 64):
        assert (await refused(host, kind, [{"id": 1}], table=name))["code"] == "sql.bad_name"
    assert (await refused(host, kind, ["text"]))["code"] == "sql_write.not_a_row"
    assert (await refused(host, kind, [{"id": 1}], mode="upsert"))["code"] == "sql_write.no_key"
    assert (await refused(host, kind, [{"name": "a"}], mode="upsert", keys=["id"]))[
        "code"
    ] == "sql_write.no_column"
    assert SqlWrite.effect({}) == "at_most_once"
    assert SqlWrite.effect({"mode": "upsert"}) == "idempotent"


async def test_arrays_of_postgresql_take_lists(host: LocalHost) -> None:
    await change(
        host, "postgresql", "DROP TABLE IF EXISTS lists", "CREATE TABLE lists (tags text[], facts jsonb)"
    )
    await write(host, "postgresql", [{"tags": ["a", "b"], "facts": ["a", 1]}], table="lists")
    found = await ask(
        host, "postgresql", "SELECT * FROM lists WHERE tags && :any", values={"any": ["b", "z"]}
    )
    assert found["rows"] == [{"tags": ["a", "b"], "facts": ["a", 1]}]


# ---------------------------------------------------------------------------------------------- SQLite


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, raw BLOB)")
        made.executemany(
            "INSERT INTO people VALUES (?, ?, ?)", [(n, f"n{n}", b"\x00\xff") for n in range(100)]
        )
    made.close()
    return str(path)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalHost]:
    with host_with(tmp_path / "out") as made:
        yield made


async def test_a_sqlite_file_is_asked_and_written(local: LocalHost, file: str) -> None:
    made = await ask(
        local, "sqlite", "SELECT * FROM people WHERE id < :n AND name LIKE 'n%'", values={"n": 2}, file=file
    )
    assert made["rows"] == [{"id": 0, "name": "n0", "raw": "AP8="}, {"id": 1, "name": "n1", "raw": "AP8="}]
    done = await write(
        local,
        "sqlite",
        [{"id": 0, "name": "new"}, {"id": 200, "name": "b"}, {"id": 300, "name": None}],
        file=file,
        mode="upsert",
        keys=["id"],
        on_reject="collect",
    )
    assert (done["written"], done["rejects"][0]["error"]["code"]) == (2, "sql.constraint")
    again = await ask(
        local, "sqlite", "SELECT name FROM people WHERE id IN (0, 200) ORDER BY id", file=done["file"]
    )
    assert again["rows"] == [{"name": "new"}, {"name": "b"}]
    untouched = await ask(local, "sqlite", "SELECT name FROM people WHERE id = 0", file=file)
    assert untouched["rows"] == [{"name": "n0"}]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ATTACH DATABASE '/etc/passwd' AS other", "sql.error"),
        ("SELECT load_extension('evil')", "sql.error"),
        ("PRAGMA writable_schema = ON", "sql.error"),
        ("DELETE FROM people", "sql.read_only"),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            "sql.timeout",
        ),
        ("SELECT randomblob(900000000)", "sql.bad_value"),
        ("SELECT 1 FRM x", "sql.syntax"),
        ("SELECT 1; DELETE FROM people", "sql.syntax"),
        ("SELECT * FROM nowhere", "sql.missing"),
    ],
)
async def test_a_sqlite_file_leads_nowhere_else(local: LocalHost, file: str, sql: str, code: str) -> None:
    wrong = await failing(local, "sqlite", sql, file=file, timeout_s=0.5)
    assert wrong["code"] == code, wrong


async def test_what_is_no_database_is_said_so(local: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"nothing of the kind" * 100)
    assert (await failing(local, "sqlite", "SELECT 1", file=str(tmp_path / "x.db")))["code"] == "sql.bad_file"
    assert (await failing(local, "sqlite", "SELECT 1"))["code"] == "sql.no_file"
