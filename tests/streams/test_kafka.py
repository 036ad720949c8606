"""kafka_consume and kafka_produce against a twin of the wire protocol: no broker can be had here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sage_studio.engine import MemoryRunStore
from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node
from tests.servers.kafka_twin import kafka_twin
from tests.streams.test_flows import flow, node, run_nodes
from tests.streams.test_queues import NODES, Keep


def host_for(folder: Path, port: int, **fields: Any) -> LocalHost:
    shape = {"kind": "kafka", "hosts": f"127.0.0.1:{port}", "mechanism": "none", "tls": "off", **fields}
    environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8, ::1/128", "SAGE_CREDENTIAL_K": json.dumps(shape)}
    return LocalHost(folder=folder, environ=environ)


def reading(**config: Any) -> Any:
    settings = {"credential": "k", "topic": "orders", **config}
    return flow(
        [node("read", "kafka_consume", config=settings), node("keep")],
        ["read.items>keep.items"],
        mode="event",
    )


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Keep.written = []
    Keep.enough = asyncio.Event()


async def test_what_is_sent_is_read(tmp_path: Path) -> None:
    async with kafka_twin(orders=3) as twin:
        with host_for(tmp_path, twin.port) as host:
            items = [{"id": n, "t": "李"} for n in range(300)]
            config = {"credential": "k", "topic": "orders", "key": "k{{ item.id % 7 }}"}
            made = await run_node("kafka_produce", host, config=config, inputs={"items": items})
            assert made["count"] == 300
            found = await run_node(
                "kafka_consume", host, config={"credential": "k", "topic": "orders", "max_items": 300}
            )
        assert sorted(item["value"]["id"] for item in found["items"]) == list(range(300))
        assert len({item["headers"]["message-id"] for item in found["items"]}) == 300
        places: dict[str, set[int]] = {}
        for item in found["items"]:
            places.setdefault(item["key"], set()).add(item["partition"])
        assert all(len(numbers) == 1 for numbers in places.values())


async def test_whoever_goes_on_begins_behind_the_checkpoint(tmp_path: Path) -> None:
    async with kafka_twin(orders=2) as twin:
        with host_for(tmp_path, twin.port) as host:
            config = {"credential": "k", "topic": "orders"}
            numbers = [str(n) for n in range(1_500)]
            await run_node("kafka_produce", host, config=config, inputs={"items": numbers[:900]})
            store = MemoryRunStore()
            task = asyncio.create_task(run_nodes(reading(), NODES, host, store, checkpoint_interval_s=0.02))
            async with asyncio.timeout(60):
                await Keep.enough.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await run_node("kafka_produce", host, config=config, inputs={"items": numbers[900:]})
            result = await run_nodes(reading(max_items=1_500), NODES, host, store)
        assert result.state == "completed", result.error
        assert sorted(result.outputs["keep"]["ids"], key=int) == numbers


async def test_brokers_that_metadata_name_are_held_to_the_credential(tmp_path: Path) -> None:
    async with kafka_twin(orders=1) as twin:
        twin.advertised = "localhost"
        with host_for(tmp_path, twin.port) as host:
            config = {"credential": "k", "topic": "orders"}
            wrong = await failure_of(
                "kafka_produce", host, config={**config, "timeout_s": 1}, inputs={"items": ["x"]}
            )
        assert wrong["code"] == "local.no_credential", wrong
        assert twin.end(("orders", 0)) == 0


async def test_a_topic_that_is_not_there_and_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    async with kafka_twin(orders=1) as twin:
        with host_for(tmp_path, twin.port) as host:
            wrong = await failure_of("kafka_consume", host, config={"credential": "k", "topic": "none"})
            assert wrong["code"] == "kafka.no_topic"
    with host_for(tmp_path, 1) as host:
        wrong = await failure_of("kafka_consume", host, config={"credential": "k", "topic": "none"})
        assert wrong["code"] == "server.unreachable"
