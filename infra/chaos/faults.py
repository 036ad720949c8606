"""What breaks next, and how long the product needs to be well again.

Each fault has a watcher of its own in a thread, so faults may overlap. A recovery during which another
fault happened is counted but not held against the target: two losses take longer than one.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import redis

from infra.chaos.load import Load
from infra.chaos.machine import Machine
from infra.chaos.parts import PartMissing, Product, Production
from infra.chaos.tables import UNREADABLE, Tables, as_id

# Seconds (SECURITY.md, "Durability, promised and tested").
TARGETS = {"worker": 40.0, "redis": 15.0, "postgres": 30.0, "web": 10.0}
LOOK_EVERY_S = 0.1
GIVE_UP_S = 120.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long it took until all was well after a fault (None when it never was), and how slow the
    machine was meanwhile."""

    what: str
    how: str
    at: float
    seconds: float | None
    is_alone: bool
    slowness: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between faults (mean), how long a frozen process stays so and a killed server away."""

    gap_s: float
    freeze_s: tuple[float, float]
    away_s: tuple[float, float]
    freezes_servers_s: tuple[float, float] = (1.0, 4.0)


@dataclass
class Faults:
    """``run_until`` breaks things; ``recoveries`` and ``counts`` say what came of it."""

    product: Product
    tables: Tables
    load: Load
    pace: Pace
    seed: int
    machine: Machine
    counts: Counter[str] = field(default_factory=Counter)
    recoveries: list[Recovery] = field(default_factory=list)
    frozen_pids: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    _began: list[float] = field(default_factory=list)
    _watchers: list[threading.Thread] = field(default_factory=list)
    _busy: set[str] = field(default_factory=set)
    _started_at: float = field(default_factory=time.monotonic)

    def run_until(self, deadline: float) -> None:
        """Break one thing after another until ``deadline`` (monotonic), then let all recover."""
        dice = Random(f"{self.seed}/faults")  # noqa: S311 - repeatable, guards nothing
        choices = self._choices()
        deck: list[str] = []
        while time.monotonic() < deadline:
            time.sleep(min(dice.expovariate(1 / self.pace.gap_s), self.pace.gap_s * 2))
            if not deck:
                # Each kind once, in any order; then as often as it is likely.
                weights = {name: weight if self.counts else 1 for name, (weight, _) in choices.items()}
                deck = [name for name, weight in weights.items() for _ in range(weight)]
                dice.shuffle(deck)
            name = deck.pop()
            try:
                choices[name][1](dice)
            except PartMissing as error:
                self._say(f"{name}: {error} is not there")
            else:
                self.counts[name] += 1
        for watcher in self._watchers:
            watcher.join(GIVE_UP_S + 60)

    def _choices(self) -> dict[str, tuple[int, Callable[[Random], None]]]:
        choices: dict[str, tuple[int, Callable[[Random], None]]] = {
            "worker killed": (6, self._kill_worker),
            "worker frozen": (2, self._freeze_worker),
            "web killed": (3, self._kill_web),
            "web frozen": (1, self._freeze_web),
            "redis killed": (2, self._kill_redis),
            "redis frozen": (1, self._freeze_redis),
        }
        if isinstance(self.product, Production):
            choices["postgres killed"] = (2, self._kill_postgres)
            choices["postgres frozen"] = (1, self._freeze_postgres)
        else:
            choices["everything killed"] = (1, self._kill_supervisor)
        return choices

    # Workers

    def _kill_worker(self, dice: Random) -> None:
        name = dice.choice(self._free(self.product.workers))
        held = self._held_by(self.product.pid_of(name))
        self.product.kill(name)
        self._watch("worker", "killed", name, lambda: self._are_taken_over(held), note=_holding(name, held))

    def _freeze_worker(self, dice: Random) -> None:
        name = dice.choice(self._free(self.product.workers))
        for_s = dice.uniform(*self.pace.freeze_s)
        pid = self.product.freeze(name)
        self.frozen_pids.add(pid)
        held = self._held_by(pid)
        threading.Timer(for_s, self.product.thaw, [pid]).start()
        self._busy.add(name)
        threading.Timer(for_s + 2, self._busy.discard, [name]).start()
        note = f"{_holding(name, held)}, {for_s:.0f} s"
        self._watch("worker", "frozen", name, lambda: self._are_taken_over(held), note=note)

    def _held_by(self, pid: int) -> dict[str, int]:
        """Run id → fence of what a process holds now."""
        query = "SELECT id, fence FROM executions_run WHERE state = 'running' AND owner LIKE %s"
        rows = self._rows(query, [f"%:{pid}:%"]) or []
        return {as_id(row["id"]): row["fence"] for row in rows}

    def _are_taken_over(self, held: dict[str, int]) -> bool:
        """Whether each run has been claimed again, given back, or has ended."""
        if not held:
            return True
        rows = self._rows("SELECT id, fence, state FROM executions_run WHERE state = 'running'", [])
        if rows is None:
            return False
        return not any(held.get(as_id(row["id"])) == row["fence"] for row in rows)

    # Web

    def _kill_web(self, dice: Random) -> None:
        name = dice.choice(self._free(self.product.webs))
        pid = self.product.kill(name)
        self._watch("web", "killed", name, lambda: self._is_back(name, pid))

    def _is_back(self, name: str, killed_pid: int) -> bool:
        try:
            return self.product.pid_of(name) != killed_pid and self.product.answers(name)
        except PartMissing:
            return False

    def _freeze_web(self, dice: Random) -> None:
        name = dice.choice(self._free(self.product.webs))
        for_s = dice.uniform(*self.pace.freezes_servers_s)
        pid = self.product.freeze(name)
        time.sleep(for_s)
        self.product.thaw(pid)
        self._watch("web", "frozen", name, lambda: self.product.answers(name), note=f"{for_s:.0f} s")

    # Servers

    def _kill_redis(self, dice: Random) -> None:
        if isinstance(self.product, Production):
            self._say("redis killed")
            self.product.redis.kill()
            time.sleep(dice.uniform(*self.pace.away_s))
            self.product.redis.start()
        else:
            self.product.kill("redis")
            self._until(self._redis_answers)
        self._watch("redis", "killed", "redis", self._all_listen_and_run())

    def _freeze_redis(self, dice: Random) -> None:
        pids = [self._freeze_server("redis")]
        time.sleep(dice.uniform(*self.pace.freezes_servers_s))
        for pid in filter(None, pids):
            self.product.thaw(pid)
        if isinstance(self.product, Production):
            self.product.redis.signal(signal.SIGCONT)
        self._watch("redis", "frozen", "redis", self._all_listen_and_run())

    def _freeze_server(self, name: str) -> int | None:
        if isinstance(self.product, Production):
            self.product.redis.signal(signal.SIGSTOP)
            return None
        return self.product.freeze(name)

    def _kill_postgres(self, dice: Random) -> None:
        assert isinstance(self.product, Production)
        self._say("postgres killed")
        self.product.postgres.kill()
        time.sleep(dice.uniform(*self.pace.away_s))
        self.product.postgres.start()
        self._watch("postgres", "killed", "postgres", self._runs_end())

    def _freeze_postgres(self, dice: Random) -> None:
        assert isinstance(self.product, Production)
        self._say("postgres frozen")
        self.product.postgres.signal(signal.SIGSTOP)
        time.sleep(dice.uniform(*self.pace.freezes_servers_s))
        self.product.postgres.signal(signal.SIGCONT)
        self._watch("postgres", "frozen", "postgres", self._runs_end())

    def _kill_supervisor(self, _: Random) -> None:
        """The supervisor dies, its children leave by themselves, and it is started again."""
        web = self.product.pid_of("web")
        self.product.kill("supervisor")
        self._watch("all", "killed", "supervisor", lambda: self._is_back("web", web))

    # Being well again

    def _redis_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.product.redis_address, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _all_listen_and_run(self) -> Callable[[], bool]:
        """All workers listen on the bus again, and a run goes through."""
        runs = self._runs_end()

        def check() -> bool:
            try:
                with redis.Redis.from_url(self.product.redis_address, socket_timeout=1) as client:
                    listeners = client.pubsub_numsub("runs")[0][1]
            except redis.RedisError:
                return False
            return listeners >= len(self.product.workers) - len(self._busy) and runs()

        return check

    def _runs_end(self) -> Callable[[], bool]:
        """A run started now is accepted and ends."""
        start = self.load.probe()

        def check() -> bool:
            if start.run_id is None:
                self.load.api.start(start, start.tries)
                return False
            rows = self._rows("SELECT state FROM executions_run WHERE id = %s", [self._key(start.run_id)])
            return bool(rows) and rows is not None and rows[0]["state"] not in ("ready", "running")

        return check

    def _key(self, run_id: str) -> str:
        return run_id if isinstance(self.product, Production) else run_id.replace("-", "")

    def _until(self, condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + GIVE_UP_S
        while not condition() and time.monotonic() < give_up_at:
            time.sleep(LOOK_EVERY_S)

    def _watch(self, what: str, how: str, name: str, is_well: Callable[[], bool], *, note: str = "") -> None:
        at = time.monotonic()
        self._began.append(at)
        self._say(f"{name} {how} {note}")

        def look() -> None:
            self._until(is_well)
            taken = time.monotonic() - at
            is_alone = not any(at - 5 < other < at + taken and other != at for other in self._began)
            seconds = None if taken >= GIVE_UP_S else round(taken, 2)
            slowness = self.machine.slowness(at, at + taken)
            since_start_s = round(at - self._started_at, 1)
            self.recoveries.append(Recovery(what, how, since_start_s, seconds, is_alone, slowness))
            self._say(f"{name} well again after {seconds} s{'' if is_alone else ' (not alone)'}")
            self._busy.discard(name)

        self._busy.add(name)
        watcher = threading.Thread(target=look, daemon=True)
        self._watchers.append(watcher)
        watcher.start()

    def _free(self, names: list[str]) -> list[str]:
        """Parts nothing is being done to; one of several is always left alone."""
        free = [name for name in names if name not in self._busy]
        if not free or (len(names) > 1 and len(free) == 1):
            raise PartMissing("another part of the kind")
        return free

    def _rows(self, query: str, values: list[Any]) -> list[dict[str, Any]] | None:
        """None while the database is away."""
        try:
            return self.tables.rows(query, values)
        except UNREADABLE:
            return None

    def _say(self, text: str) -> None:
        self.said.append(f"{time.monotonic() - self._started_at:7.1f} {text}")


def _holding(name: str, held: Mapping[str, int]) -> str:
    """What it takes to read a recovery: a worker that held nothing is made good for at once."""
    return f"{name} holding {len(held)} runs"
