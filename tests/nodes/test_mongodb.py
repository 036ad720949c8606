"""mongodb_find and mongodb_write against a twin of the wire protocol: no MongoDB server can be had here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
from bson.decimal128 import Decimal128

from sage_studio.plugins.builtin.output.mongodb_write import MongodbWrite
from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node
from tests.servers.mongo_twin import MongoTwin, mongo_twin

OID = "65a1b2c3d4e5f60718293a4b"


def host_for(folder: Path, *hosts: str, **fields: Any) -> LocalHost:
    shape = {"kind": "mongodb", "hosts": ",".join(hosts), "database": "shop", "tls": "off", **fields}
    environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", "SAGE_CREDENTIAL_M": json.dumps(shape)}
    return LocalHost(folder=folder, environ=environ)


async def find(host: LocalHost, **config: Any) -> Mapping[str, Any]:
    return await run_node("mongodb_find", host, config={"credential": "m", "collection": "orders", **config})


async def write(host: LocalHost, documents: Any, **config: Any) -> Mapping[str, Any]:
    settings = {"credential": "m", "collection": "orders", **config}
    return await run_node("mongodb_write", host, config=settings, inputs={"documents": documents})


def filled(twin: MongoTwin, count: int) -> None:
    twin.collections["orders"] = [{"_id": n, "n": n} for n in range(count)]


async def test_documents_come_out_as_json_people_expect(tmp_path: Path) -> None:
    async with mongo_twin() as twin:
        twin.collections["orders"] = [
            {
                "_id": bson.ObjectId(OID), "at": datetime(2024, 5, 1, 10, tzinfo=UTC),
                "price": Decimal128("12.50"), "raw": b"\x00\xff", "deep": {"list": [bson.Int64(3)]},
            }
        ]  # fmt: skip
        with host_for(tmp_path, f"127.0.0.1:{twin.port}") as host:
            made = await find(host, filter={"_id": {"$oid": OID}})
        assert made["documents"] == [
            {"_id": OID, "at": "2024-05-01T10:00:00Z", "price": 12.5, "raw": "AP8=", "deep": {"list": [3]}}
        ]
        assert twin.commands[1]["pipeline"][0] == {"$match": {"_id": bson.ObjectId(OID)}}


async def test_long_results_come_in_batches_sorted_and_cut(tmp_path: Path) -> None:
    async with mongo_twin() as twin:
        filled(twin, 2_000)
        with host_for(tmp_path, f"127.0.0.1:{twin.port}") as host:
            made = await find(host, filter={"n": {"$gt": 99}}, sort=["-n"], fields=["n"], max_documents=1_500)
        assert (made["count"], made["documents"][0], made["documents"][-1]) == (
            1_500, {"_id": 1_999, "n": 1_999}, {"_id": 500, "n": 500},
        )  # fmt: skip
        assert [next(iter(command)) for command in twin.commands].count("getMore") == 2


async def test_documents_are_inserted_and_changed_and_refused_ones_told(tmp_path: Path) -> None:
    async with mongo_twin() as twin:
        with host_for(tmp_path, f"127.0.0.1:{twin.port}") as host:
            assert (await write(host, [{"_id": n, "a": n} for n in range(700)]))["written"] == 700
            made = await write(host, [{"_id": 1}, {"_id": 900}], on_reject="collect")
            assert (made["written"], made["rejects"][0]["document"]) == (1, {"_id": 1})
            config = {"credential": "m", "collection": "orders"}
            wrong = await failure_of("mongodb_write", host, config=config, inputs={"documents": [{"_id": 1}]})
            assert (wrong["code"], wrong["details"]["code"]) == ("mongodb.refused", 11000)
            await write(host, [{"_id": 2, "b": 1}, {"_id": 5_000, "b": 2}], mode="update")
            lacking = {**config, "mode": "update", "keys": ["sku"]}
            wrong = await failure_of("mongodb_write", host, config=lacking, inputs={"documents": [{"a": 1}]})
            assert wrong["code"] == "mongodb_write.no_key"
        assert twin.collections["orders"][2] == {"_id": 2, "a": 2, "b": 1}
        assert twin.collections["orders"][-1] == {"_id": 5_000, "b": 2}
    assert MongodbWrite.effect({"mode": "replace"}) == "idempotent"
    assert MongodbWrite.effect({}) == "at_most_once"


async def test_what_runs_code_or_writes_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async with mongo_twin() as twin:
        with host_for(tmp_path, f"127.0.0.1:{twin.port}") as host:
            for config in ({"filter": {"$or": [{"$where": "1"}]}}, {"pipeline": [{"$out": "x"}]}):
                settings = {"credential": "m", "collection": "orders", **config}
                assert (await failure_of("mongodb_find", host, config=settings))[
                    "code"
                ] == "mongodb.not_allowed"
            settings = {"credential": "m", "collection": "orders", "filter": {"$bad": 1}}
            assert (await failure_of("mongodb_find", host, config=settings))["code"] == "mongodb.refused"
        assert all("aggregate" not in command or "$bad" in str(command) for command in twin.commands)


async def test_addresses_flows_may_not_reach_are_refused(tmp_path: Path) -> None:
    with host_for(tmp_path, "10.1.2.3:27017") as host:
        config = {"credential": "m", "collection": "orders"}
        assert (await failure_of("mongodb_find", host, config=config))["code"] == "http.refused"
