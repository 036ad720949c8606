"""Nodes in worker processes: kept warm, stopped, replaced, watched."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sage_studio.engine.executors import ProcessPool
from sage_studio.kernel import SageError
from sage_studio.sdk import Needs
from tests.executors.support import SECRET, Voice, call

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ProcessPool]:
    pool = ProcessPool(2)
    yield pool
    await pool.close()


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    with Voice(tmp_path) as voice:
        yield voice


async def run(pool: ProcessPool, voice: Voice, type_: str, value: Any = None, **more: Any) -> Any:
    what = call(type_, value, **more)
    return await pool.run(what, voice.context(what))


async def until_said(voice: Voice, count: int = 1) -> str:
    async with asyncio.timeout(60):
        while len(voice.lines()) < count:
            voice.heard.clear()
            await voice.heard.wait()
    return voice.lines()[count - 1]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_node_runs_in_a_process_that_is_kept_for_the_next(pool: ProcessPool, voice: Voice) -> None:
    first = (await run(pool, voice, "where_am_i", [1, b"two", {"three": None}]))["value"]
    second = (await run(pool, voice, "where_am_i"))["value"]
    assert first["given"] == [1, b"two", {"three": None}]
    assert first["pid"] == second["pid"] != os.getpid()


async def test_it_sees_the_same_context(pool: ProcessPool, voice: Voice) -> None:
    given = await run(pool, voice, "echo", "x", text="hello")
    assert given == {"value": "x", "mine": ["n1", 1, "run-1:n1:", "", "hello"]}


async def test_what_it_asks_of_its_context_happens_here(pool: ProcessPool, voice: Voice) -> None:
    given = (await run(pool, voice, "chatty"))["value"]
    assert given == {
        "state": [1, {"two": 2}],
        "blob": b"\x00\xffblob",
        "file": "made.txt",
        "pieces": [b"one ", b"two ", b"thre", b"e"],
        "secret_length": len(SECRET),
        "has_model": False,
        "in_thread": 6,
    }
    assert voice.said[0] == ("log", {"level": "warning", "message": "begin", "fields": {"size": 3}})
    assert ("node_progress", {"done": 2, "total": 2, "message": ""}) in voice.said


async def test_secrets_are_blotted_in_what_it_says(pool: ProcessPool, voice: Voice) -> None:
    await run(pool, voice, "chatty")
    assert voice.lines() == ["begin", "the key is ••••••"]


async def test_calls_run_at_once_up_to_the_limit(pool: ProcessPool, voice: Voice) -> None:
    results = await asyncio.gather(*(run(pool, voice, "where_am_i") for _ in range(6)))
    assert len({result["value"]["pid"] for result in results}) <= 2


@pytest.mark.parametrize(
    ("how", "code", "retryable"),
    [("known", "test.odd", True), ("value", "executor.value", False), ("shape", "node.bad_output", False)],
)
async def test_a_known_error_is_the_same_error_here(
    pool: ProcessPool, voice: Voice, how: str, code: str, retryable: bool
) -> None:
    with pytest.raises(SageError) as caught:
        await run(pool, voice, "complain", how=how)
    assert (caught.value.code.code, caught.value.can_retry) == (code, retryable)
    assert (await run(pool, voice, "echo", 1))["value"] == 1


async def test_facts_and_texts_of_an_error_travel(pool: ProcessPool, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(pool, voice, "complain")
    assert caught.value.message("zh") == "奇怪：so {it} is"
    assert caught.value.facts["retry_after_s"] == 2


async def test_an_error_of_the_context_reaches_the_node_and_comes_back(
    pool: ProcessPool, voice: Voice
) -> None:
    with pytest.raises(SageError) as caught:
        await run(pool, voice, "complain", how="asked")
    assert caught.value.code.code == "local.no_file"


async def test_a_fault_of_the_nodes_code_says_its_kind(pool: ProcessPool, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(pool, voice, "complain", how="crash")
    assert caught.value.code.code == "node.crashed"
    assert caught.value.facts == {"kind": "ZeroDivisionError", "message": "by design"}


async def test_a_failing_system_call_stays_one(pool: ProcessPool, voice: Voice) -> None:
    with pytest.raises(OSError, match="No such file"):
        await run(pool, voice, "complain", how="os")


async def test_a_cancelled_node_that_computes_is_gone_with_its_process(
    pool: ProcessPool, voice: Voice
) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(pool, voice, "crunch"))
        pid = int((await until_said(voice)).split()[1])
        task.cancel()
    assert task.cancelled()
    assert not is_alive(pid)
    assert (await run(pool, voice, "echo", 1))["value"] == 1


async def test_a_node_that_looks_sees_that_it_is_cancelled(pool: ProcessPool, voice: Voice) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await run(pool, voice, "crunch", polite=True)


async def test_a_time_limit_ends_the_process(pool: ProcessPool, voice: Voice) -> None:
    async def out_of_time_once_it_computes() -> None:
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
            group.create_task(run(pool, voice, "crunch"))
            await until_said(voice)
            limit.reschedule(asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError):
        await out_of_time_once_it_computes()
    assert not is_alive(int(voice.lines()[0].split()[1]))


@pytest.mark.parametrize(("how", "says"), [("exit", "exit code 17"), ("signal", "signal SIGSEGV")])
async def test_a_crash_is_told_and_the_worker_replaced(
    pool: ProcessPool, voice: Voice, how: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SageError, match=says) as caught:
        await run(pool, voice, "die", how=how)
    assert caught.value.code.code == "executor.process_ended"
    assert any("my last words" in getattr(record, "last_words", "") for record in caplog.records)
    assert (await run(pool, voice, "echo", 1))["value"] == 1


async def test_a_node_that_takes_too_much_memory_is_stopped(pool: ProcessPool, voice: Voice) -> None:
    with pytest.raises(SageError) as caught:
        await run(pool, voice, "grow", mb=400, needs=Needs(memory_mb=100))
    assert caught.value.code.code == "executor.out_of_memory"
    assert (await run(pool, voice, "grow", needs=Needs(memory_mb=100)))["value"] == 0


async def test_an_idle_worker_that_died_is_replaced(pool: ProcessPool, voice: Voice) -> None:
    pid = (await run(pool, voice, "where_am_i"))["value"]["pid"]
    os.kill(pid, 9)
    while not has_ended(pid):
        await asyncio.sleep(0.01)
    assert (await run(pool, voice, "where_am_i"))["value"]["pid"] != pid


async def test_a_worker_holds_none_of_the_servers_secrets(
    pool: ProcessPool, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGE_SECRET_KEY", "must not travel")
    pid = (await run(pool, voice, "where_am_i"))["value"]["pid"]
    assert b"must not travel" not in environment_of(pid)


async def test_another_version_of_the_node_is_refused(pool: ProcessPool, voice: Voice) -> None:
    what = call("echo")
    other = type(what)(**{**{name: getattr(what, name) for name in what.__slots__}, "version": "2.0.0"})
    with pytest.raises(SageError, match=r"here it is echo 1\.0\.0") as caught:
        await pool.run(other, voice.context(other))
    assert caught.value.code.code == "executor.node_missing"


async def test_closing_ends_the_idle_workers(voice: Voice) -> None:
    pool = ProcessPool(1)
    pid = (await run(pool, voice, "where_am_i"))["value"]["pid"]
    await pool.close()
    assert not is_alive(pid)
