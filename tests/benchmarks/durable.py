"""Durable runs by a real worker over the database: ``python -m tests.benchmarks.durable ROUNDS``.

A program of its own, because Django's settings are fixed once per process. It prints one JSON object;
``measure`` starts it on a database of its own and turns what it says into measurements.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from infra.setup.console import ROOT
from tests.benchmarks.harness import Measurement, calibrate, median
from tests.benchmarks.nodes import chain, register

LENGTH = 100


def measure(*, short: bool) -> list[Measurement]:
    """On SQLite, which is what a person who types ``make run`` has."""
    step_us = calibrate()
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
        environ = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.durable", "2" if short else "10"],
            cwd=ROOT,
            env={**environ, "SAGE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"the durable measurement failed:\n{done.stderr[-2000:]}")
    facts = json.loads(done.stdout.splitlines()[-1])
    return [
        Measurement(
            "durable chain of 100, each node on disk before the next, per node",
            median(facts["bench_touch"]),
            "ms",
            0.45,
            compare="DBOS 3.8, n8n 5.3, LangGraph 1.2, Prefect 33–72",
            step_us=step_us,
        ),
        Measurement(
            "durable chain of 100 pure nodes, recorded together, per node",
            median(facts["bench_pass"]) * 1000,
            "µs",
            30,
            step_us=step_us,
        ),
    ]


def main(rounds: int) -> dict[str, list[float]]:
    """Milliseconds per node of each round, by node type."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    register()
    from apps.executions.adapters.worker import RunWorker
    from studio_project import celery  # tasks go to the configured broker, not to Celery's own default
    from tests.executions.flows import make_flow, start, wait_for
    from tests.world import make_world

    assert celery.app.main == "sage_studio"
    world = make_world()
    worker = RunWorker()
    worker.start()
    try:
        return {
            node_type: _rounds(
                rounds,
                make_flow(world.owner.person, world.workspace, chain(LENGTH, node_type), node_type),
                lambda flow: wait_for(start(world.owner.person, flow).pk, wait_s=120),
            )
            for node_type in ("bench_touch", "bench_pass")
        }
    finally:
        worker.stop()


def _rounds(count: int, flow: Any, run: Callable[[Any], Any]) -> list[float]:
    times = []
    for _ in range(count + 1):
        finished = run(flow)
        assert finished.state == "completed", (finished.state, finished.error)
        times.append((finished.finished_at - finished.started_at).total_seconds() * 1000 / LENGTH)
        time.sleep(0.05)
    return times[1:]  # the first warms up


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
