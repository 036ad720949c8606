"""A pod per node, against a small cluster of our own (see ``tests.executors.cluster``)."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sage_studio.engine.executors.frames import Message, encode
from sage_studio.engine.executors.kubernetes import KubernetesPods
from sage_studio.engine.executors.settings import PodSettings
from sage_studio.engine.executors.values import pack
from sage_studio.kernel import SageError
from sage_studio.sdk import Needs
from tests.executors.cluster.api import LocalCluster
from tests.executors.support import SECRET, Voice, call

pytestmark = pytest.mark.slow
SETTINGS = PodSettings(image="sage:1", home="127.0.0.1", listen="127.0.0.1", start_timeout_s=120)


@pytest.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with LocalCluster(gpus=1) as cluster:
        yield cluster


@pytest.fixture
async def pods(cluster: LocalCluster) -> AsyncIterator[KubernetesPods]:
    pods = KubernetesPods(SETTINGS, config=cluster.config)
    yield pods
    await pods.close()


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    with Voice(tmp_path) as voice:
        yield voice


async def run(pods: KubernetesPods, voice: Voice, type_: str, value: Any = None, **more: Any) -> Any:
    what = call(type_, value, **more)
    return await pods.run(what, voice.context(what))


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_node_runs_in_a_pod_that_is_gone_afterwards(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    given = (await run(pods, voice, "where_am_i", {"text": "hi", "raw": b"\x00\xff"}))["value"]
    assert given["given"] == {"text": "hi", "raw": b"\x00\xff"}
    assert given["pid"] != os.getpid()
    assert cluster.objects.all("Pod") == cluster.objects.all("Secret") == []


async def test_a_pod_uses_the_context_of_the_run(pods: KubernetesPods, voice: Voice) -> None:
    given = (await run(pods, voice, "chatty"))["value"]
    assert given["state"] == [1, {"two": 2}]
    assert given["pieces"] == [b"one ", b"two ", b"thre", b"e"]
    assert voice.lines()[-1] == "the key is ••••••"


async def test_the_manifest_holds_no_secret(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    seen: list[str] = []
    create = cluster.objects.create

    async def noting(kind: str, namespace: str, given: Any) -> Any:
        if kind == "Pod":
            seen.append(json.dumps(given))
        return await create(kind, namespace, given)

    cluster.objects.create = noting  # type: ignore[method-assign]  # a look at what is sent
    await run(pods, voice, "echo", SECRET)
    pod = json.loads(seen[0])
    assert SECRET not in seen[0]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["metadata"]["labels"]["sage-studio/run"] == "run-1"


async def test_a_nodes_share_is_what_its_pod_asks_for(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(pods, voice, "crunch", needs=Needs(cpu=2, memory_mb=512, gpu=1)))
        await until(cluster.pods)
        resources = cluster.pods()[0]["spec"]["containers"][0]["resources"]
        task.cancel()
    assert resources == {
        "requests": {"cpu": "2000m", "memory": "704Mi", "nvidia.com/gpu": "1"},
        "limits": {"memory": "704Mi", "nvidia.com/gpu": "1"},
    }


async def test_the_error_of_a_node_is_the_runs_error(pods: KubernetesPods, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(pods, voice, "complain")
    assert (caught.value.code.code, caught.value.can_retry) == ("test.odd", True)


async def test_cancelling_ends_the_process_and_deletes_the_pod(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(pods, voice, "crunch"))
        await until(voice.lines)
        task.cancel()
    assert task.cancelled()
    assert cluster.pods() == []
    await until(lambda: not is_alive(int(voice.lines()[0].split()[1])))


@pytest.mark.parametrize(("how", "says"), [("exit", "exit code 17"), ("signal", "signal SIGSEGV")])
async def test_a_pod_that_crashes_says_how(
    pods: KubernetesPods, voice: Voice, how: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SageError, match=says) as caught:
        await run(pods, voice, "die", how=how)
    assert caught.value.code.code == "executor.process_ended"
    assert any("my last words" in getattr(record, "last_words", "") for record in caplog.records)


async def test_a_pod_over_its_memory_is_told_apart(pods: KubernetesPods, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(pods, voice, "grow", mb=400, needs=Needs(memory_mb=64))
    assert caught.value.code.code == "executor.out_of_memory"


async def test_an_evicted_pod_may_be_tried_again(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    async def evict() -> None:
        await until(voice.lines)
        await cluster.kubelet.evict(cluster.pods()[0])

    async with asyncio.TaskGroup() as group:
        group.create_task(evict())
        with pytest.raises(SageError, match="low on resource") as caught:
            await run(pods, voice, "crunch")
    assert (caught.value.code.code, caught.value.can_retry) == ("executor.evicted", True)


async def test_a_pod_somebody_deletes_is_an_error(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    async def delete() -> None:
        await until(voice.lines)
        about = cluster.pods()[0]["metadata"]
        cluster.kubelet.kill(about["name"])
        await cluster.objects.delete("Pod", about["namespace"], about["name"])

    async with asyncio.TaskGroup() as group:
        group.create_task(delete())
        with pytest.raises(SageError) as caught:
            await run(pods, voice, "crunch")
    assert caught.value.code.code in ("executor.evicted", "executor.process_ended")


async def test_an_image_that_is_not_there_is_an_error_at_once(cluster: LocalCluster, voice: Voice) -> None:
    pods = KubernetesPods(replace(SETTINGS, image="nowhere:1"), config=cluster.config)
    with pytest.raises(SageError, match="not found") as caught:
        await run(pods, voice, "echo")
    assert caught.value.code.code == "executor.image"
    assert cluster.pods() == []
    await pods.close()


async def test_a_pod_there_is_no_room_for_is_an_error_in_time(cluster: LocalCluster, voice: Voice) -> None:
    pods = KubernetesPods(replace(SETTINGS, start_timeout_s=1), config=cluster.config)
    with pytest.raises(SageError, match="Insufficient gpus") as caught:
        await run(pods, voice, "echo", needs=Needs(gpu=4))
    assert caught.value.code.code == "executor.no_room"
    await pods.close()


async def test_a_cluster_that_refuses_us_is_an_error(cluster: LocalCluster, voice: Voice) -> None:
    pods = KubernetesPods(SETTINGS, config=cluster.config_with("wrong"))
    with pytest.raises(SageError, match="Unauthorized") as caught:
        await run(pods, voice, "echo")
    assert (caught.value.code.code, caught.value.can_retry) == ("executor.cluster", False)
    await pods.close()


async def test_a_broken_watch_does_not_disturb_the_node(
    cluster: LocalCluster, pods: KubernetesPods, voice: Voice
) -> None:
    async def disturb() -> None:
        await until(voice.lines)
        cluster.objects.forget_history()
        cluster.cut_watches()

    async with asyncio.TaskGroup() as group:
        group.create_task(disturb())
        assert await run(pods, voice, "crunch", seconds=1.5) == {"value": "done"}


async def test_only_the_pod_with_the_token_is_heard(pods: KubernetesPods, voice: Voice) -> None:
    await run(pods, voice, "echo")
    assert pods._door is not None
    trusting = ssl.create_default_context(cadata=pods._door.authority)
    trusting.check_hostname = False
    reader, writer = await asyncio.open_connection("127.0.0.1", pods._door.port, ssl=trusting)
    hello = {"protocol": 1, "pid": 1, "token": "guessed"}
    writer.write(encode(Message("tell", 0, "hello", pack(hello))))
    assert await reader.read() == b""
    writer.close()


async def test_several_pods_run_at_once(cluster: LocalCluster, pods: KubernetesPods, voice: Voice) -> None:
    results = await asyncio.gather(*(run(pods, voice, "adder", n, by=1) for n in range(3)))
    assert [result["value"] for result in results] == [1, 2, 3]
