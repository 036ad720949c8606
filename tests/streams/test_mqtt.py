"""MQTT in both directions against Mosquitto, and Redis streams written to Valkey."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from sage_studio.engine import Controls, MemoryRunStore
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support.resp import RespConnection
from tests.nodes.running import failure_of, run_node
from tests.servers.brokers import PASSWORD
from tests.streams.test_flows import flow, node, run_nodes
from tests.streams.test_queues import NODES, Keep

COUNT = 600


def host_for(folder: Path, kind: str, port: int, **fields: Any) -> LocalHost:
    shape = {"kind": kind, "host": "127.0.0.1", "port": port, "tls": "off", **fields}
    environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", "SAGE_CREDENTIAL_BROKER": json.dumps(shape)}
    return LocalHost(folder=folder, environ=environ)


@pytest.fixture
def host(tmp_path: Path, mosquitto_server: int) -> Iterator[LocalHost]:
    with host_for(tmp_path, "mqtt", mosquitto_server, username="sage", password=PASSWORD) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Keep.written = []
    Keep.enough = asyncio.Event()


def client(port: int, **more: Any) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, username="sage", password=PASSWORD, **more)


def reading(topic: str, **config: Any) -> Any:
    settings = {"credential": "broker", "topics": [topic], **config}
    return flow(
        [node("read", "mqtt_subscribe", config=settings), node("keep")],
        ["read.items>keep.items"],
        mode="event",
    )


async def publish(host: LocalHost, topic: str, items: list[Any], **config: Any) -> Any:
    settings = {"credential": "broker", "topic": topic, **config}
    return await run_node("mqtt_publish", host, config=settings, inputs={"items": items})


async def subscribed(task: asyncio.Task[Any], host: LocalHost, topic: str) -> None:
    """Until the node listens: a retained message on a side topic of its filter has come."""
    await publish(host, f"{topic}/ready", ["ready"], retain=True)
    while "ready" not in Keep.written:
        assert not task.done(), task.result()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("qos", ["0", "1", "2"])
async def test_what_is_published_is_received(host: LocalHost, mosquitto_server: int, qos: str) -> None:
    topic = f"q{qos}"
    document = reading(f"{topic}/#", max_items=51, qos=qos)
    async with asyncio.timeout(60):
        task = asyncio.create_task(run_nodes(document, NODES, host, checkpoint_interval_s=0.05))
        await subscribed(task, host, topic)
        made = await publish(host, f"{topic}/{{{{ item }}}}", list(range(50)), qos=qos)
        result = await task
    assert made["count"] == 50
    assert result.state == "completed", result.error
    assert sorted(result.outputs["keep"]["ids"]) == sorted(["ready", *map(str, range(50))])


@pytest.mark.parametrize("how", ["crash", "drain"])
async def test_no_message_is_lost_by_whoever_goes_on(host: LocalHost, how: str) -> None:
    store, controls, topic = MemoryRunStore(), Controls(), f"all-{how}"
    async with asyncio.timeout(120):
        task = asyncio.create_task(
            run_nodes(
                reading(f"{topic}/#"), NODES, host, store, controls=controls, checkpoint_interval_s=0.05
            )
        )
        await subscribed(task, host, topic)
        await publish(host, f"{topic}/a", [str(n) for n in range(COUNT)])
        await Keep.enough.wait()
        if how == "crash":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            controls.drain()
            assert (await task).state == "ready"
        await publish(host, f"{topic}/a", [str(n) for n in range(COUNT, 2 * COUNT)])
        result = await run_nodes(
            reading(f"{topic}/#", idle_stop_s=1), NODES, host, store, checkpoint_interval_s=0.05
        )
    assert result.state == "completed", result.error
    assert set(result.outputs["keep"]["ids"]) >= {str(n) for n in range(2 * COUNT)}


async def test_binary_messages_and_json_come_apart(host: LocalHost) -> None:
    await publish(host, "kinds/json", [{"a": 1}], retain=True)
    made = await run_node(
        "mqtt_subscribe", host, config={"credential": "broker", "topics": ["kinds/json"], "max_items": 1}
    )
    [item] = made["items"]
    assert (item["topic"], item["value"], item["retained"]) == ("kinds/json", {"a": 1}, True)


async def test_what_is_wrong_with_a_broker_is_said(
    host: LocalHost, tmp_path: Path, mosquitto_server: int
) -> None:
    async def code(made: LocalHost, **config: Any) -> Any:
        settings = {"credential": "broker", "topic": "a", **config}
        return (await failure_of("mqtt_publish", made, config=settings, inputs={"items": ["x"]}))["code"]

    assert await code(host, topic="a/#") == "mqtt.bad_topic"
    with host_for(tmp_path, "mqtt", mosquitto_server, username="sage", password="wrong-one") as wrong:
        assert await code(wrong) == "server.login"
    with host_for(tmp_path, "mqtt", 1) as closed:
        assert await code(closed) == "server.unreachable"


# ------------------------------------------------------------------------------------------ Redis streams


async def test_entries_are_added_to_a_stream(tmp_path: Path, valkey_server: int) -> None:
    admin = RespConnection(*await asyncio.open_connection("127.0.0.1", valkey_server))
    await admin.call("AUTH", PASSWORD)
    with host_for(tmp_path, "redis", valkey_server, password=PASSWORD) as host:
        config: dict[str, Any] = {"credential": "broker", "stream": "s-{{ item.k }}"}
        items = [{"k": n % 2, "t": f"李 {n}", "o": {"a": [n]}} for n in range(500)]
        made = await run_node("redis_stream_add", host, config=config, inputs={"items": items})
        assert (made["count"], await admin.call("XLEN", "s-0"), await admin.call("XLEN", "s-1")) == (
            500,
            250,
            250,
        )
        [[_id, fields]] = await admin.call("XRANGE", "s-1", "-", "+", "COUNT", 1)
        assert fields == ["k", "1", "t", "李 1", "o", '{"a": [1]}']
        kept = {**config, "stream": "kept", "message": "{{ item.t }}", "max_length": 100}
        await run_node("redis_stream_add", host, config=kept, inputs={"items": items})
        assert 100 <= await admin.call("XLEN", "kept") <= 300
        [[_id, fields]] = await admin.call("XREVRANGE", "kept", "+", "-", "COUNT", 1)
        assert fields == ["data", "李 499"]
        await admin.call("SET", "text", "x")
        wrong = await failure_of(
            "redis_stream_add", host, config={**config, "stream": "text"}, inputs={"items": [1]}
        )
        assert wrong["code"] == "redis.error"
    admin.close()
    with host_for(tmp_path, "redis", valkey_server, password="wrong-one") as host:
        wrong = await failure_of("redis_stream_add", host, config=config, inputs={"items": items})
        assert wrong["code"] == "server.login"
