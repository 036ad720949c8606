"""A big CSV through read → filter → map → group → write as streams: time beside the csv module's own
loop, and memory. ``python -m tests.benchmarks.streams [--mb 2048]`` alone; 200 MB in ``make bench``.
``--groups 5000000`` has as many groups as rows instead, which do not fit into memory."""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from infra.setup.console import ROOT
from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import builtin_registry
from tests.benchmarks.harness import Measurement, calibrate

BLOCK_ROWS = 50_000


def measure(*, short: bool) -> list[Measurement]:
    """In a process of its own, so that its memory is its own; each time is CPU time."""
    step_us = calibrate()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.streams", "--mb", "20" if short else "200", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the measurement of streams failed:\n{done.stderr[-2000:]}")
    facts = json.loads(done.stdout.splitlines()[-1])
    size = f"CSV of {facts['mb']} MB, read → filter → map → group → write"
    return [
        Measurement(
            f"{size}, times the csv module's bare loop",
            facts["ratio"],
            "×",
            2.5,
            compare=f"a loop written by hand takes {facts['by_hand_ratio']:.2f} times the bare one",
            step_us=step_us,
        ),
        Measurement(
            f"{size}, memory", facts["memory_mb"], "MB", 300, compare="n8n holds the file", step_us=step_us
        ),
    ]


def write_table(path: Path, size_bytes: int) -> None:
    """Orders: eight columns, about 55 bytes a row; the same block of them over and over."""
    chance = random.Random(1)
    lines = [
        f"{number},customer {chance.randrange(50_000)},{chance.choice(('north', 'south', 'east', 'west'))},"
        f"{chance.choice(('paid', 'open', 'refused'))},{chance.randrange(1, 20)},"
        f"{chance.randrange(100, 99_999) / 100},2026-{chance.randrange(1, 13):02}-01,ok\n"
        for number in range(BLOCK_ROWS)
    ]
    block = "".join(lines).encode()
    with path.open("wb") as file:
        file.write(b"id,customer,region,status,quantity,price,date,note\n")
        while file.tell() < size_bytes:
            file.write(block)


def bare_loop(path: Path) -> int:
    with path.open(newline="") as file:
        return sum(1 for _row in csv.reader(file))


def by_hand(path: Path) -> dict[str, list[float]]:
    """The same work as the flow, as one would write it for this file alone."""
    groups: dict[str, list[float]] = {}
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            if row[3] == "paid" and int(row[4]) > 2:
                amount = int(row[4]) * float(row[5])
                group = groups.setdefault(row[2], [0, 0.0])
                group[0] += 1
                group[1] += amount
    return groups


def flow(path: Path) -> dict[str, Any]:
    nodes = [
        ("read", "file_reader", {"files": [{"name": path.name, "mime": "text/csv", "ref": f"path:{path}"}]}),
        ("keep", "data_filter", {"condition": "{{ item.status === 'paid' && item.quantity > 2 }}"}),
        ("map", "data_map", {"fields": {"amount": "{{ item.quantity * item.price }}"}}),
        ("group", "data_group", {"by": ["region"], "aggregates": {"n": "count()", "total": "sum(amount)"}}),
        ("write", "file_writer", {"name": "groups", "format": "csv"}),
    ]
    edges = [
        "read:rows>keep:items",
        "keep:items>map:items",
        "map:items>group:items",
        "group:items>write:value",
    ]
    return {
        "schema": "sage-studio/flow@1",
        "name": "big table",
        "settings": {"mode": "streaming"},
        "nodes": [{"id": node_id, "type": type_, "config": config} for node_id, type_, config in nodes],
        "edges": [_edge(*edge.replace(">", ":").split(":")) for edge in edges],
    }


def groups_flow(path: Path) -> dict[str, Any]:
    """Every row is a group of its own."""
    made = flow(path)
    read, _keep, _map, group, write = made["nodes"]
    group["config"] = {"by": ["id"], "aggregates": {"n": "count()", "total": "sum(quantity)"}}
    made["nodes"] = [read, group, write]
    made["edges"] = [_edge("read", "rows", "group", "items"), _edge("group", "items", "write", "value")]
    return made


def _edge(source: str, source_port: str, target: str, target_port: str) -> dict[str, str]:
    return {"source": source, "source_port": source_port, "target": target, "target_port": target_port}


async def through_the_flow(path: Path, folder: Path, made: dict[str, Any] | None = None) -> Any:
    plan = compile_flow(parse_plain(made or flow(path)), builtin_registry())
    with LocalHost(folder=folder) as host, ThreadPoolExecutor(2) as threads:
        result = await run_flow(
            plan, run_id="bench", inputs={}, store=MemoryRunStore(), host=host, threads=threads
        )
    assert result.state == "completed", result.error
    return result


def main(megabytes: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
        path = Path(folder) / "orders.csv"
        write_table(path, megabytes << 20)
        before_s = min(_timed(bare_loop, path) for _ in range(2))
        started, started_wall = time.process_time(), time.perf_counter()
        result = asyncio.run(through_the_flow(path, Path(folder) / "out"))
        took_s, wall_s = time.process_time() - started, time.perf_counter() - started_wall
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        after_s = min(_timed(bare_loop, path) for _ in range(2))
        hand_s = _timed(by_hand, path)
        bare_s = (before_s + after_s) / 2
        return {
            "mb": megabytes,
            "rows": result.nodes["read"].ports["rows"],
            "bare_s": round(bare_s, 3),
            "by_hand_s": round(hand_s, 3),
            "flow_s": round(took_s, 3),
            "flow_wall_s": round(wall_s, 3),
            "ratio": round(took_s / bare_s, 3),
            "by_hand_ratio": round(hand_s / bare_s, 3),
            "memory_mb": round(memory_mb),
        }


def many_groups(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
        path = Path(folder) / "orders.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("id,quantity\n")
            file.writelines(f"order {number},{number % 19}\n" for number in range(count))
        started = time.process_time()
        result = asyncio.run(through_the_flow(path, Path(folder) / "out", groups_flow(path)))
        return {
            "groups": result.nodes["group"].outputs["count"],
            "cpu_s": round(time.process_time() - started, 1),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def _timed(work: Any, path: Path) -> float:
    began = time.process_time()
    work(path)
    return time.process_time() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--groups", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(many_groups(arguments.groups) if arguments.groups else main(arguments.mb)))
