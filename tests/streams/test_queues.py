"""Event mode with real servers: every message reaches the sink, whatever stops in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar

import aiormq
import pytest

from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.engine import Controls, MemoryRunStore
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from sage_studio.plugins.credential_kinds.placing import OpenedCredential
from sage_studio.plugins.credential_kinds.trials import try_credential
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.plugins.support.resp import RespConnection
from sage_studio.sdk import Context, NodeOutput, Port, StreamNode
from tests.nodes.running import failure_of, run_node
from tests.servers import brokers
from tests.streams.test_flows import W, flow, node, run_nodes, spec

COUNT = 3_000


class Keep(StreamNode):
    """A sink whose state is part of the checkpoint; ``written`` survives as a database would."""

    spec: ClassVar = spec(
        "keep",
        inputs=(Port(name="items", type="array<any>", label=W, required=True, streams=True),),
        outputs=(Port(name="ids", type="array<any>", label=W),),
    )
    written: ClassVar[list[str]] = []
    enough: ClassVar[asyncio.Event]

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        async for chunk in inputs["items"].chunks():
            for item in chunk:
                self.ids.append(item["text"] if "text" in item else item["data"]["n"])
                self.written.append(self.ids[-1])
        yield {"ids": list(self.ids)}

    def snapshot(self) -> Any:
        return list(self.ids)

    def restore(self, state: Any) -> None:
        self.ids = list(state)

    async def committed(self) -> None:
        if len(self.written) > 500:
            self.enough.set()


NODES = NodeRegistry((*BUILTIN_NODES, Keep))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", "SAGE_CREDENTIAL_REDIS": "open sesame"}
    with LocalHost(folder=tmp_path, environ=environ) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Keep.written = []
    Keep.enough = asyncio.Event()


async def _client(port: int) -> RespConnection:
    client = RespConnection(*await asyncio.open_connection("127.0.0.1", port))
    await client.call("AUTH", "open sesame")
    return client


def redis_flow(port: int, **config: Any) -> Any:
    settings = {
        "address": f"redis://127.0.0.1:{port}/0", "stream": "orders", "group": "g", "credential": "redis",
        **config,
    }  # fmt: skip
    return flow(
        [node("read", "redis_stream_read", config=settings), node("keep")],
        ["read.items>keep.items"],
        mode="event",
    )


async def _fill(client: RespConnection, first: int, count: int) -> None:
    for number in range(first, first + count):
        await client.call("XADD", "orders", "*", "n", str(number))


async def test_a_redis_stream_is_read_to_its_end_and_acknowledged(host: LocalHost, tmp_path: Path) -> None:
    with brokers.valkey(tmp_path, "open sesame") as port:
        client = await _client(port)
        await _fill(client, 0, COUNT)
        result = await run_nodes(redis_flow(port, max_items=COUNT), NODES, host, checkpoint_interval_s=0.02)
        assert result.state == "completed", result.error
        assert result.outputs["keep"]["ids"] == [str(n) for n in range(COUNT)]
        assert (await client.call("XPENDING", "orders", "g"))[0] == 0
        client.close()


@pytest.mark.parametrize("how", ["crash", "drain", "pause"])
async def test_no_entry_is_lost_and_none_counted_twice_by_whoever_goes_on(
    host: LocalHost, tmp_path: Path, how: str
) -> None:
    """The pipeline's state is exact; what a worker did after its last checkpoint is done again."""
    with brokers.valkey(tmp_path, "open sesame") as port:
        client = await _client(port)
        await _fill(client, 0, COUNT)
        store = MemoryRunStore()
        for round_ in range(3):
            Keep.enough.clear()
            Keep.written = []
            controls = Controls()
            task = asyncio.create_task(
                run_nodes(redis_flow(port), NODES, host, store, controls=controls, checkpoint_interval_s=0.02)
            )
            async with asyncio.timeout(60):
                await Keep.enough.wait()
                if how == "crash":
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                else:
                    getattr(controls, how)()
                    assert (await task).state == ("paused" if how == "pause" else "ready")
            await _fill(client, COUNT * (round_ + 1), COUNT)
        result = await run_nodes(redis_flow(port, idle_stop_s=0.6), NODES, host, store)
        assert result.state == "completed", result.error
        assert result.outputs["keep"]["ids"] == [str(n) for n in range(4 * COUNT)]
        assert (await client.call("XPENDING", "orders", "g"))[0] == 0
        client.close()


async def test_a_server_that_goes_away_is_found_again(host: LocalHost, tmp_path: Path) -> None:
    with brokers.valkey(tmp_path, "open sesame") as port:
        client = await _client(port)
        await _fill(client, 0, 1_000)
        task = asyncio.create_task(
            run_nodes(redis_flow(port, max_items=2_000), NODES, host, checkpoint_interval_s=0.05)
        )
        async with asyncio.timeout(60):
            await Keep.enough.wait()
            await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await _fill(client, 1_000, 1_000)
            result = await task
        assert result.state == "completed", result.error
        assert result.outputs["keep"]["ids"] == [str(n) for n in range(2_000)]
        client.close()


async def test_an_address_flows_may_not_reach_is_refused(tmp_path: Path) -> None:
    with LocalHost(folder=tmp_path, environ={"SAGE_CREDENTIAL_REDIS": "open sesame"}) as closed:
        result = await run_nodes(redis_flow(6379), NODES, closed)
    assert result.state == "failed"
    assert result.error is not None
    assert result.error["code"] == "http.refused"


async def test_a_wrong_password_is_named(host: LocalHost, tmp_path: Path) -> None:
    with brokers.valkey(tmp_path, "something else") as port:
        result = await run_nodes(redis_flow(port), NODES, host)
    assert result.error is not None
    assert result.error["code"] == "server.login"
    assert "open sesame" not in str(result.error)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_rabbitmq_queue_is_consumed_and_goes_on_after_a_crash(
    host: LocalHost, rabbitmq_server: int
) -> None:
    port = rabbitmq_server
    connection = await aiormq.connect(f"amqp://guest:guest@127.0.0.1:{port}/")
    channel = await connection.channel()
    await channel.queue_declare("orders", durable=True)
    for number in range(COUNT):
        await channel.basic_publish(str(number).encode(), routing_key="orders")

    def document(**config: Any) -> Any:
        address = {"address": f"amqp://127.0.0.1:{port}/", "queue": "orders", "prefetch": 700, **config}
        return flow(
            [node("read", "rabbitmq_consume", config=address), node("keep")],
            ["read.items>keep.items"],
            mode="event",
        )

    store = MemoryRunStore()
    task = asyncio.create_task(run_nodes(document(), NODES, host, store, checkpoint_interval_s=0.02))
    async with asyncio.timeout(60):
        await Keep.enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    result = await run_nodes(document(idle_stop_s=4), NODES, host, store, checkpoint_interval_s=0.02)
    assert result.state == "completed", result.error
    assert set(result.outputs["keep"]["ids"]) == {str(n) for n in range(COUNT)}
    assert (await channel.queue_declare("orders", durable=True, passive=True)).message_count == 0
    await connection.close()


@pytest.mark.timeout(400)
async def test_what_is_published_is_confirmed_and_unroutable_messages_are_errors(
    tmp_path: Path, rabbitmq_server: int
) -> None:
    account = {"kind": "rabbitmq", "host": "127.0.0.1", "port": rabbitmq_server, "username": "guest"}
    environ = {
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        "SAGE_CREDENTIAL_MQ": json.dumps({**account, "password": "guest"}),
        "SAGE_CREDENTIAL_WRONG": json.dumps({**account, "password": "wrong-one"}),
        "SAGE_CREDENTIAL_ELSEWHERE": json.dumps({**account, "password": "guest", "vhost": "none"}),
    }
    connection = await aiormq.connect(f"amqp://guest:guest@127.0.0.1:{rabbitmq_server}/")
    channel = await connection.channel()
    await channel.queue_declare("sink-0")
    await channel.queue_declare("sink-1")
    items = [{"n": n, "t": "李"} for n in range(300)]
    config = {"credential": "mq", "routing_key": "sink-{{ item.n % 2 }}", "headers": {"a": "b"}}
    with LocalHost(folder=tmp_path, environ=environ) as host:
        made = await run_node("rabbitmq_publish", host, config=config, inputs={"items": items})
        assert (made["count"], made["items"]) == (300, items)
        first = await channel.basic_get("sink-1", no_ack=True)
        about = first.header.properties
        assert json.loads(first.body) == {"n": 1, "t": "李"}
        assert (about.content_type, about.delivery_mode, dict(about.headers or {})["a"]) == (
            "application/json",
            2,
            "b",
        )
        again = await run_node("rabbitmq_publish", host, config=config, inputs={"items": items[:2]})
        assert again["count"] == 2
        latest = first
        while (last := await channel.basic_get("sink-1", no_ack=True)).body:
            latest = last
        assert latest.header.properties.message_id == about.message_id
        for changes, code in (
            ({"routing_key": "nobody"}, "rabbitmq.unroutable"),
            ({"exchange": "nothing"}, "rabbitmq.no_exchange"),
            ({"credential": "wrong"}, "server.login"),
            ({"credential": "elsewhere"}, "server.login"),
        ):
            wrong = await failure_of(
                "rabbitmq_publish", host, config={**config, **changes}, inputs={"items": [1]}
            )
            assert wrong["code"] == code, wrong
            assert "wrong-one" not in json.dumps(wrong)
        quiet = {**config, "routing_key": "nobody", "mandatory": False}
        assert (await run_node("rabbitmq_publish", host, config=quiet, inputs={"items": "one"}))["count"] == 1
    await connection.close()


async def test_a_rabbitmq_credential_is_tried_out(rabbitmq_server: int) -> None:
    """Here because a RabbitMQ takes long to start."""
    client = GuardedClient(EgressPolicy(networks=(ip_network("127.0.0.0/8"),)))
    kind = BUILTIN_KINDS["rabbitmq"]
    place = {
        "host": "127.0.0.1",
        "port": str(rabbitmq_server),
        "username": "guest",
        "tls": "off",
        "vhost": "/",
    }
    for password, is_in in (("guest", True), ("wrong", False)):
        fields = {**place, "password": password}
        opened = OpenedCredential("", kind, fields, (f"127.0.0.1:{rabbitmq_server}",))
        assert (await try_credential(client, opened)).ok is is_in
