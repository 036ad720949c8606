"""``python -m tests.benchmarks.rooms_peers`` (``make bench-rooms``): installs the peers, measures them and us
with one client program, prints both. Ours commits every edit to PostgreSQL before anybody sees it; the
peers relay at once and write seconds later, so their latency is what a relay costs."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pycrdt

from infra.setup.console import ROOT
from tests.benchmarks.harness import calibrate
from tests.benchmarks.peers.installing import PeerError
from tests.benchmarks.rooms_peers.servers import Rooms, generator, generator_env, ours, peer

SERVERS: dict[str, Callable[[], AbstractContextManager[Rooms]]] = {
    "SAGE Studio": ours,
    "Hocuspocus": lambda: peer("hocuspocus", "hocuspocus.mjs", ("@hocuspocus/server@4.7.0",), "hocuspocus"),
    "y-websocket-server": lambda: peer(
        "y-websocket-server", "ywebsocket.cjs", ("@y/websocket-server@0.1.1",), "y"
    ),
}
CROWDS = (2, 10, 50)
RATE = 10
MANY = 200
ROOMS = 30
Figures = dict[str, str]


def run_load(server: Rooms, rooms: Sequence[str], *options: str) -> dict[str, Any]:
    """One run of the load generator."""
    command = [*generator(), *server.load_options("|".join(rooms)), f"--server-pid={server.pid}", "--json"]
    done = subprocess.run(
        [*command, *options], env=generator_env(), capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        raise PeerError(done.stderr.strip()[-400:])
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def measure(server: Rooms, seconds: float) -> Iterator[tuple[str, str]]:
    """Name and figure of every measurement."""
    before = server.memory_mb()
    rooms = [server.new_room() for _ in range(ROOMS)]
    quiet = ("--rate=0.1", "--seconds=0.5", "--warmup=1", "--drain=0")
    with_rooms = run_load(server, rooms, f"--clients={ROOMS}", *quiet)["server_rss_mb"]
    yield "memory of an open room of one", f"{(with_rooms - before) / ROOMS * 1024:.0f} KB"
    yield "load of 2,000 nodes, first client", _load_time(server, [big_document(2_000)])
    yield "load of 100,000 past edits, first client", _load_time(server, past_edits(100_000))
    timing = (f"--rate={RATE}", f"--seconds={seconds}", "--warmup=2", "--drain=3")
    for crowd in CROWDS:
        said = run_load(server, [server.new_room()], f"--clients={crowd}", *timing)
        yield f"{crowd} × {RATE}/s: p50, p95, p99", _latency(said)
        yield f"{crowd} × {RATE}/s: core, lost", _cost(said)
    before = server.memory_mb()
    many = (f"--clients={MANY}", "--rate=1", f"--seconds={seconds}", "--warmup=2", "--drain=5")
    said = run_load(server, [server.new_room()], *many)
    yield f"{MANY} × 1/s: p50, p95, p99", _latency(said)
    yield f"{MANY} × 1/s: core, lost", _cost(said)
    yield f"memory of one of {MANY} in a room", f"{(said['server_rss_mb'] - before) / MANY * 1024:.0f} KB"


def _latency(said: dict[str, Any]) -> str:
    found = said["latency_ms"].get("update")
    if found is None:
        return "nothing arrived in time"
    return f"{found['p50']:.1f}, {found['p95']:.1f}, {found['p99']:.1f} ms"


def _cost(said: dict[str, Any]) -> str:
    merged = "" if said["converged"] is True else ", not converged"
    return f"{said['server_cpu_pct']} %, {said['lost']} of {said['expected']}{merged}"


def _load_time(server: Rooms, updates: Sequence[bytes]) -> str:
    room = server.new_room()
    server.store(room, updates)
    once = ("--clients=1", "--rate=0.1", "--seconds=0.1", "--warmup=0", "--drain=0")
    cpu = server.cpu_s()
    took = run_load(server, [room], *once)["open_ms"]
    return f"{took} ms ({(server.cpu_s() - cpu) * 1000:.0f} ms of CPU)"


def big_document(nodes: int) -> bytes:
    """Nodes as an editor makes them, six settings each, every fifth with a page of text."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    found: pycrdt.Map[Any] = doc.get("nodes", type=pycrdt.Map)
    with doc.transaction():
        for number in range(nodes):
            texts = {"code": pycrdt.Text("x = 1\n" * 40)} if number % 5 == 0 else {}
            config = {f"setting{at}": f"value {number}" for at in range(6)}
            found[f"n{number}"] = pycrdt.Map(
                {
                    "type": "llm",
                    "name": f"Node {number}",
                    "pos": [number % 50 * 200, number // 50 * 100],
                    "config": pycrdt.Map(config),
                    "texts": pycrdt.Map(texts),
                }
            )
    return bytes(doc.get_update())


def past_edits(count: int) -> list[bytes]:
    """Single edits of four hundred values, one update each."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    notes: pycrdt.Map[Any] = doc.get("notes", type=pycrdt.Map)
    updates: list[bytes] = []
    watching = doc.observe(lambda event: updates.append(event.update))
    for number in range(count):
        notes[f"k{number % 400}"] = number
    doc.unobserve(watching)
    return updates


def table(found: dict[str, Figures]) -> str:
    names = list(dict.fromkeys(name for figures in found.values() for name in figures))
    lines = [f"{'':<42}" + "".join(f"{server:<34}" for server in found)]
    lines += [
        f"{name:<42}" + "".join(f"{found[server].get(name, '–'):<34}" for server in found) for name in names
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rooms_peers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of each measurement")
    parser.add_argument("--only", choices=list(SERVERS), action="append", help="these servers only")
    chosen = parser.parse_args(arguments)
    found: dict[str, Figures] = {}
    failed = False
    for name in chosen.only or SERVERS:
        print(f"  … {name}", flush=True)
        figures = found.setdefault(name, {"calibration": f"{calibrate():.3f} µs"})
        try:
            with SERVERS[name]() as server:
                for what, figure in measure(server, chosen.seconds):
                    print(f"      {what}: {figure}", flush=True)
                    figures[what] = figure
        except (PeerError, OSError, subprocess.TimeoutExpired) as error:
            failed = True
            print(f"      could not be measured: {error}", flush=True)
    print("\n" + table(found))
    path = ROOT / ".cache" / "bench" / "rooms-peers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    path.write_text(json.dumps({"at": at, "servers": found}, indent=1, ensure_ascii=False) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
