"""Queues over TLS: certificates are checked against the server's name, by the credential's authority."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from sage_studio.plugins.credential_kinds.placing import OpenedCredential
from sage_studio.plugins.credential_kinds.trials import try_credential
from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node
from tests.servers.brokers import PASSWORD, Encrypted
from tests.servers.certificates import Authority
from tests.servers.tls_front import tls_front

NETWORK = "127.0.0.0/8, ::1/128"


def account(kind: str, port: int, ca: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "host": "localhost", "port": port, "tls": "on", "ca": ca, **fields}


def hosted(folder: Path, good: dict[str, Any]) -> LocalHost:
    """Credentials ``good``; ``unknown``, which trusts public authorities; ``elsewhere``, by a name that the
    certificate does not bear."""
    shapes = {
        "GOOD": good, "UNKNOWN": {**good, "ca": ""},
        "ELSEWHERE": {**good, "host": "127.0.0.1"},
    }  # fmt: skip
    environ = {f"SAGE_CREDENTIAL_{name}": json.dumps(shape) for name, shape in shapes.items()}
    return LocalHost(folder=folder, environ={"SAGE_ALLOW_PRIVATE_NETWORK": NETWORK, **environ})


async def is_taken(good: dict[str, Any]) -> bool:
    """As the vault's page tries it."""
    kind = BUILTIN_KINDS[good["kind"]]
    fields = {name: str(value) for name, value in good.items() if name != "kind"}
    client = GuardedClient(EgressPolicy(networks=(ip_network("127.0.0.0/8"), ip_network("::1/128"))))
    opened = OpenedCredential("", kind, fields, (f"localhost:{good['port']}",))
    return (await try_credential(client, opened)).ok


async def all_but_the_good_one_are_refused(host: LocalHost, node: str, **arguments: Any) -> None:
    config = arguments.pop("config")
    for name in ("unknown", "elsewhere"):
        wrong = await failure_of(node, host, config={**config, "credential": name}, **arguments)
        assert wrong["code"] == "server.tls", (name, wrong)
        assert PASSWORD not in json.dumps(wrong)


@pytest.fixture
def rabbit(tmp_path: Path, rabbitmq_server: int, rabbitmq_tls: Encrypted) -> Iterator[LocalHost]:
    good = account(
        "rabbitmq", rabbitmq_tls.port, rabbitmq_tls.ca.read_text(), username="guest", password="guest"
    )
    assert asyncio.run(is_taken(good))
    with hosted(tmp_path, good) as host:
        yield host


@pytest.mark.timeout(400)
async def test_rabbitmq_is_spoken_to_with_tls(rabbit: LocalHost) -> None:
    reading = {"credential": "good", "queue": "secret", "max_items": 3, "idle_stop_s": 60}
    empty = await run_node("rabbitmq_consume", rabbit, config={**reading, "idle_stop_s": 0.2})
    assert empty["items"] == []
    sent = {"credential": "good", "routing_key": "secret"}
    await run_node("rabbitmq_publish", rabbit, config=sent, inputs={"items": [1, 2, 3]})
    made = await run_node("rabbitmq_consume", rabbit, config=reading)
    assert [item["text"] for item in made["items"]] == ["1", "2", "3"]
    await all_but_the_good_one_are_refused(rabbit, "rabbitmq_consume", config=reading)


async def test_mqtt_is_spoken_to_with_tls(
    tmp_path: Path, mosquitto_server: int, mosquitto_tls: Encrypted
) -> None:
    ca = mosquitto_tls.ca.read_text()
    good = account("mqtt", mosquitto_tls.port, ca, username="sage", password=PASSWORD)
    assert await is_taken(good)
    with hosted(tmp_path, good) as host:
        sent = {"credential": "good", "topic": "tls/a", "retain": True}
        await run_node("mqtt_publish", host, config=sent, inputs={"items": ["on"]})
        reading = {"credential": "good", "topics": ["tls/#"], "max_items": 1}
        made = await run_node("mqtt_subscribe", host, config=reading)
        assert [item["text"] for item in made["items"]] == ["on"]
        await all_but_the_good_one_are_refused(host, "mqtt_publish", config=sent, inputs={"items": ["x"]})


async def test_redis_is_spoken_to_with_tls(tmp_path: Path, valkey_server: int, authority: Authority) -> None:
    """The Valkey at hand has no TLS of its own: somebody in front of it decrypts."""
    async with tls_front(valkey_server, authority.server_context("localhost")) as port:
        good = account("redis", port, authority.pem, password=PASSWORD)
        assert await is_taken(good)
        assert not await is_taken({**good, "password": "another"})
        with hosted(tmp_path, good) as host:
            sent = {"credential": "good", "stream": "secret"}
            await run_node("redis_stream_add", host, config=sent, inputs={"items": [{"n": 1}, {"n": 2}]})
            reading = {"credential": "good", "stream": "secret", "group": "g", "max_items": 2}
            made = await run_node("redis_stream_read", host, config=reading)
            assert [item["data"] for item in made["items"]] == [{"n": "1"}, {"n": "2"}]
            await all_but_the_good_one_are_refused(host, "redis_stream_read", config=reading)
