"""Rows of a stream are in the table once, whatever stops the worker between a batch and a checkpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest

from sage_studio.engine import MemoryRunStore
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.builtin.output.sql_write import SqlWrite
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Chunk, Context, NodeOutput, Port, StreamNode
from tests.nodes.running import failure_of, run_node
from tests.servers.databases import Database
from tests.streams.test_flows import W, flow, node, run_nodes, spec

COUNT = 200


class Numbers(StreamNode):
    """Gives numbers in uneven chunks, which are others after a restart; one in 50 is there twice. ``stop_at``
    is where the worker dies."""

    spec: ClassVar = spec("numbers", outputs=(Port(name="items", type="array<any>", label=W, streams=True),))
    stop_at: ClassVar[int] = -1
    width: ClassVar[int] = 7

    def __init__(self) -> None:
        self.next = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        while self.next < COUNT:
            if 0 <= self.stop_at <= self.next:
                await asyncio.sleep(3_600)
            end = min(self.next + self.width, COUNT)
            rows = [
                {"n": number - number % 50 if number % 50 == 1 else number}
                for number in range(self.next, end)
            ]
            self.next = end
            yield {"items": Chunk(rows)}

    def snapshot(self) -> Any:
        return self.next

    def restore(self, state: Any) -> None:
        self.next = state


NODES = NodeRegistry((*BUILTIN_NODES, Numbers))


@pytest.fixture
def servers(postgres_server: Database, mariadb_server: Database) -> dict[str, Database]:
    return {"postgresql": postgres_server, "mysql": mariadb_server}


def host_for(folder: Path, kind: str, server: Database) -> LocalHost:
    shape = {
        "kind": kind, "host": server.host, "port": server.port, "username": server.user,
        "password": server.password, "database": server.database, "tls": "off",
    }  # fmt: skip
    environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", "SAGE_CREDENTIAL_DB": json.dumps(shape)}
    return LocalHost(folder=folder, environ=environ)


async def rows_of(host: LocalHost, kind: str, sql: str) -> list[Any]:
    config = {"kind": kind, "credential": "db", "sql": sql, "read_only": False}
    made = await run_node("sql_query", host, config=config)
    rows: list[Any] = made["rows"]
    return rows


def settings(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "credential": "db", "table": "once_rows", "once": True, **more}


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
async def test_a_stream_that_was_stopped_writes_every_row_once(
    tmp_path: Path, servers: dict[str, Database], kind: str
) -> None:
    """Without checkpoints everything is given again, in other chunks; the table refuses some rows."""
    document = flow(
        [node("give", "numbers"), node("write", "sql_write", config=settings(kind, on_reject="collect"))],
        ["give.items>write.rows"],
    )
    with host_for(tmp_path, kind, servers[kind]) as host:
        await rows_of(host, kind, "DROP TABLE IF EXISTS once_rows")
        await rows_of(host, kind, "CREATE TABLE once_rows (n INTEGER PRIMARY KEY)")
        store = MemoryRunStore()
        for Numbers.stop_at, Numbers.width, interval_s in ((70, 7, 3_600), (140, 11, 0.0)):
            task = asyncio.create_task(
                run_nodes(document, NODES, host, store, checkpoint_interval_s=interval_s)
            )
            async with asyncio.timeout(60):
                await _until_committed(host, kind, Numbers.stop_at - 14)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        Numbers.stop_at, Numbers.width = -1, 13
        result = await run_nodes(document, NODES, host, store)
        assert result.state == "completed", result.error
        there = [row["n"] for row in await rows_of(host, kind, "SELECT n FROM once_rows ORDER BY n")]
    assert there == [number for number in range(COUNT) if number % 50 != 1]
    made = result.outputs["write"]
    assert (made["written"], made["changed"], len(made["rejects"])) == (COUNT - 4, COUNT - 4, 4)


async def _until_committed(host: LocalHost, kind: str, count: int) -> None:
    while (await rows_of(host, kind, "SELECT COUNT(*) AS n FROM once_rows"))[0]["n"] < count:
        await asyncio.sleep(0.02)


async def test_a_list_whose_answer_was_lost_is_not_written_again(
    tmp_path: Path, postgres_server: Database
) -> None:
    with host_for(tmp_path, "postgresql", postgres_server) as host:
        await rows_of(host, "postgresql", "CREATE TABLE once_list (n INTEGER UNIQUE)")
        config = settings("postgresql", table="once_list", on_reject="collect")
        inputs = {"rows": [{"n": 1}, {"n": 2}, {"n": 2}]}
        first = await run_node("sql_write", host, config=config, inputs=inputs)
        again = await run_node("sql_write", host, config=config, inputs=inputs)
        assert first == again
        assert (again["written"], len(again["rejects"])) == (2, 1)
        with psycopg.connect(postgres_server.admin, autocommit=True) as connection:
            connection.execute("ALTER TABLE sage_studio_batches DROP COLUMN rejects")
            wrong = await failure_of("sql_write", host, config=config, inputs=inputs)
            connection.execute("DROP TABLE sage_studio_batches")
    assert wrong["code"] == "sql_write.no_ledger"
    assert SqlWrite.effect({"once": True}) == "idempotent"
    assert SqlWrite.effect({"once": True, "kind": "sqlite"}) == "at_most_once"
