"""Nodes on a real Ray cluster of this machine (``make test-ray``)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sage_studio.engine.executors.ray_cluster import RayNodes
from sage_studio.kernel import SageError
from sage_studio.sdk import Needs
from tests.executors.ray_here import START_TIMEOUT_S, ray_home
from tests.executors.support import Voice, call

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes() -> AsyncIterator[RayNodes]:
    with ray_home() as settings:
        nodes = RayNodes("", start_timeout_s=START_TIMEOUT_S, **settings)
        yield nodes
        await nodes.close()


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    with Voice(tmp_path) as voice:
        yield voice


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def run(nodes: RayNodes, voice: Voice, type_: str, value: Any = None, **more: Any) -> Any:
    what = call(type_, value, **more)
    return await nodes.run(what, voice.context(what))


async def test_a_node_runs_in_an_actor_that_is_kept_for_the_next(nodes: RayNodes, voice: Voice) -> None:
    value = {"text": "hi", "raw": b"\x00\xff" * 300_000}
    first = (await run(nodes, voice, "where_am_i", value))["value"]
    second = (await run(nodes, voice, "where_am_i"))["value"]
    assert first["given"] == value
    assert first["pid"] == second["pid"] != os.getpid()


async def test_it_uses_the_context_of_the_run(nodes: RayNodes, voice: Voice) -> None:
    given = (await run(nodes, voice, "chatty"))["value"]
    assert given["state"] == [1, {"two": 2}]
    assert given["pieces"] == [b"one ", b"two ", b"thre", b"e"]
    assert voice.lines() == ["begin", "the key is ••••••"]


async def test_its_error_is_the_runs_error(nodes: RayNodes, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(nodes, voice, "complain")
    assert (caught.value.code.code, caught.value.can_retry) == ("test.odd", True)


async def test_calls_run_at_once(nodes: RayNodes, voice: Voice) -> None:
    results = await asyncio.gather(*(run(nodes, voice, "adder", n, by=1) for n in range(2)))
    assert [result["value"] for result in results] == [1, 2]


async def test_cancelling_ends_the_actor(nodes: RayNodes, voice: Voice) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(nodes, voice, "crunch"))
        while not voice.lines():
            await asyncio.sleep(0.05)
        task.cancel()
    assert task.cancelled()
    pid = int(voice.lines()[0].split()[1])
    async with asyncio.timeout(60):
        while is_alive(pid):
            await asyncio.sleep(0.05)


async def test_an_actor_that_crashes_is_told(nodes: RayNodes, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(nodes, voice, "die")
    assert caught.value.code.code == "executor.process_ended"
    assert (await run(nodes, voice, "echo", 1))["value"] == 1


async def test_what_no_machine_can_give_is_an_error_in_time(voice: Voice, nodes: RayNodes) -> None:
    await run(nodes, voice, "echo")
    small = RayNodes("", start_timeout_s=3)
    with pytest.raises(SageError) as caught:
        await run(small, voice, "echo", needs=Needs(cpu=64))
    assert caught.value.code.code == "executor.no_room"
