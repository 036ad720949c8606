"""Many runs that wait on slow HTTP at once in one worker: ``python -m tests.benchmarks.waiting COUNT``.

A server holds every request until all of them have arrived, so the runs end only if all wait at once. The
measured process holds Django, one worker and nothing else; it prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import psutil

from infra.setup.console import ROOT
from tests.benchmarks.harness import Measurement, calibrate

RUNS = 1_000
HELD_AT_MOST_S = 120.0
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
)


def measure(*, short: bool) -> list[Measurement]:
    count = RUNS // 10 if short else RUNS
    step_us = calibrate()
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
        environ = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        environ |= {"SAGE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.waiting", str(count)],
            cwd=ROOT,
            env=environ | {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"the waiting runs could not be measured:\n{done.stderr[-2000:]}")
    facts = json.loads(done.stdout.splitlines()[-1])
    name = f"{count:,} runs waiting on slow HTTP at once, one worker process"
    more = {
        "at once": facts["at_once"],
        "before": facts["before_mb"],
        "seconds, start to last end": facts["wall_s"],
    }
    return [
        Measurement(f"{name}: memory", facts["memory_mb"], "MB", 400, more=more, step_us=step_us),
        Measurement(f"{name}: processor time of each", facts["cpu_s"] * 1000 / count, "ms", step_us=step_us),
    ]


class Gathering:
    """A server on a thread of its own that answers when ``count`` requests wait."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.at_once = 0
        self.all_here = threading.Event()
        self.port = 0
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        self._open = asyncio.Event()
        server = await asyncio.start_server(self._hold, "127.0.0.1", 0, backlog=2 * self._count)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await server.serve_forever()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.at_once += 1
        if self.at_once >= self._count:
            self.all_here.set()
            await asyncio.sleep(1)  # the memory is looked at now
            self._open.set()
        async with asyncio.timeout(HELD_AT_MOST_S):
            await self._open.wait()
        writer.write(ANSWER)
        writer.close()


def main(count: int) -> dict[str, float]:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    from apps.executions.adapters.worker import RunWorker
    from apps.executions.models import Run
    from studio_project import celery  # tasks go to the configured broker, not to Celery's own default
    from tests.executions.flows import definition, make_flow, start
    from tests.world import make_world

    assert celery.app.main == "sage_studio"
    server = Gathering(count)
    world = make_world()
    asking = {"id": "ask", "type": "http_request", "config": {"url": f"http://127.0.0.1:{server.port}/"}}
    flow = make_flow(world.owner.person, world.workspace, definition([asking]), "Ask")
    for _ in range(count):
        start(world.owner.person, flow)
    before_mb = _memory_mb()
    worker = RunWorker()
    began, cpu_before = time.perf_counter(), time.process_time()
    worker.start()
    try:
        everybody = server.all_here.wait(HELD_AT_MOST_S)
        memory_mb = _memory_mb()
        while Run.objects.exclude(state="completed").exists():
            failed = Run.objects.filter(state="failed").first()
            assert failed is None, failed.error
            time.sleep(0.05)
    finally:
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_before
        worker.stop()
    assert everybody, f"only {server.at_once} of {count} runs waited at once"
    facts: dict[str, Any] = {"at_once": server.at_once, "memory_mb": memory_mb, "before_mb": before_mb}
    return {**facts, "wall_s": round(wall_s, 2), "cpu_s": cpu_s}


def _memory_mb() -> float:
    memory = psutil.Process().memory_full_info()
    return round(getattr(memory, "pss", memory.rss) / 2**20, 1)


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
