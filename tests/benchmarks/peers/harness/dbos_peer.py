"""DBOS: a workflow of 100 steps, each recorded in SQLite before the next."""

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

if sqlite3.sqlite_version_info < (3, 42):  # its tables need a newer SQLite than some systems have
    import pysqlite3

    sys.modules["sqlite3"] = pysqlite3

from dbos import DBOS

STEPS, ROUNDS = 100, 4
folder = tempfile.TemporaryDirectory()
address = f"sqlite:///{Path(folder.name) / 'system.sqlite3'}"
DBOS(config={"name": "peer", "system_database_url": address, "log_level": "ERROR", "run_admin_server": False})


@DBOS.step()
def step(n):
    return n + 1


@DBOS.workflow()
def chain():
    n = 0
    for _ in range(STEPS):
        n = step(n)
    return n


DBOS.launch()
times = []
for _ in range(ROUNDS + 1):
    began = time.perf_counter()
    assert chain() == STEPS
    times.append(time.perf_counter() - began)
found = {"durable": statistics.median(times[1:]) / STEPS * 1e6}
print(json.dumps({"version": version("dbos"), "us_per_node": found}))
DBOS.destroy()
