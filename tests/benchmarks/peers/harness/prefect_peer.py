"""Prefect: a flow of 100 tasks called one after another; its server, started for this, keeps every state."""

import json
import os
import statistics
import tempfile
import time
from importlib.metadata import version

folder = tempfile.TemporaryDirectory()
os.environ.update(PREFECT_HOME=folder.name, PREFECT_LOGGING_LEVEL="ERROR", DO_NOT_TRACK="1")
os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "600"

from prefect import flow, task  # noqa: E402 - reads its settings when it is imported

TASKS, ROUNDS = 100, 2


@task
def step(n):
    return n + 1


@flow
def chain(tasks):
    n = 0
    for _ in range(tasks):
        n = step(n)
    return n


chain(3)  # starts the server
times = []
for _ in range(ROUNDS):
    began = time.perf_counter()
    assert chain(TASKS) == TASKS
    times.append(time.perf_counter() - began)
found = {"durable": statistics.median(times) / TASKS * 1e6}
print(json.dumps({"version": version("prefect"), "us_per_node": found}))
