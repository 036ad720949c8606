"""One chaos run in one mode: prepare, load, break, settle, judge."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.chaos import logs, nodes
from infra.chaos.faults import Faults, Pace
from infra.chaos.flows import MIX, NUMBERS
from infra.chaos.judge import Judge
from infra.chaos.load import Api, Load
from infra.chaos.machine import Machine
from infra.chaos.oracle import Oracle
from infra.chaos.parts import Embedded, Product, Production
from infra.chaos.people import People
from infra.chaos.receiver import Receiver
from infra.chaos.report import Report
from infra.chaos.tables import UNREADABLE, PostgresTables, SqliteTables, Tables

SETTLE_WITHIN_S = 180.0
# Now and then a worker dies exactly at a commit, where chance alone would hardly ever find it.
FAILPOINTS = (
    "run.record:kill%0.02,run.recorded:kill%0.02,run.finish:kill%0.1,run.finished:kill%0.1,run.claim:kill%0.1,"
    "run.claimed:kill%0.1,run.renew:kill%0.1,run.renewed:kill%0.1,run.accept:kill%0.1,run.accepted:kill%0.1,"
    "outbox.delivered:kill%0.1"
)


@dataclass(frozen=True, slots=True)
class Setup:
    """Times of the product and of the faults."""

    times: str
    pace: Pace


LONG = Setup("", Pace(gap_s=14.0, freeze_s=(40.0, 70.0), away_s=(0.5, 8.0)))
SHORT = Setup(
    "RUN_LEASE_S=6,RUN_HEARTBEAT_S=1,RUN_GIVE_UP_S=4,RUN_POLL_S=0.5,RUN_DRAIN_S=3",
    Pace(gap_s=4.0, freeze_s=(9.0, 12.0), away_s=(0.2, 2.0), freezes_servers_s=(0.5, 1.5)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: where, for how long, with which dice, how much load, at which pace."""

    mode: str
    minutes: float
    seed: int
    rate: float
    setup: Setup


def run_chaos(plan: Plan) -> Report:
    """Everything is gone afterwards but the report."""
    receiver, machine = Receiver(plan.seed), Machine()
    flows = {name: kind.build(receiver.address) for name, kind in MIX.items()}
    with tempfile.TemporaryDirectory(prefix="sage-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        oracle = _taught(flows, receiver)
        product = _product(plan, folder)
        try:
            staged = product.start(flows)
            return _storm(plan, product, staged, oracle=oracle, receiver=receiver, machine=machine)
        finally:
            machine.end()
            product.stop()
            receiver.close()


def _product(plan: Plan, folder: Path) -> Product:
    env = {
        "SAGE_CHAOS_TIMES": plan.setup.times,
        "SAGE_FAILPOINTS": FAILPOINTS,
        "SAGE_FAILPOINTS_SEED": str(plan.seed),
    }
    return Production(folder, env) if plan.mode == "postgres" else Embedded(folder, env)


def _storm(
    plan: Plan,
    product: Product,
    staged: Mapping[str, Any],
    *,
    oracle: Oracle,
    receiver: Receiver,
    machine: Machine,
) -> Report:
    """Load and faults, then quiet until nothing is under way, then the judge."""
    tables = _tables(product)
    tables.note_writes()
    load = Load(Api(product.addresses(), staged), plan.seed, plan.rate)
    faults = Faults(product, tables, load, plan.setup.pace, plan.seed, machine)
    people = People(load.api, load, tables, plan.seed)
    for part in (machine, load, people):
        part.begin()
    faults.run_until(time.monotonic() + plan.minutes * 60)
    load.end()
    people.settle()
    _settle(tables)
    people.end()
    verdict = Judge(
        tables=tables,
        oracle=oracle,
        kinds=MIX,
        flow_names=staged["flows"],
        starts=load.starts,
        ledger=_read(product.ledger),
        receiver=receiver,
        frozen_pids=frozenset(faults.frozen_pids),
        sessions=logs.workers_by_pid(product.logs()) if plan.mode == "postgres" else {},
    ).judge()
    return Report(
        mode=plan.mode,
        seed=plan.seed,
        minutes=plan.minutes,
        times=plan.setup.times,
        counts=verdict.counts + Counter({f"people {name}": n for name, n in people.counts.items()}),
        flows=verdict.flows,
        faults=faults.counts,
        noticed=logs.noticed(product.logs()),
        fired=logs.fired(product.logs()),
        recoveries=faults.recoveries,
        slowness=machine.slowness(),
        breaches=verdict.breaches,
        rig_faults=load.faults,
        diary=faults.said,
        tracebacks=logs.tracebacks(product.logs()),
    )


def _taught(flows: Mapping[str, dict[str, Any]], receiver: Receiver) -> Oracle:
    oracle = Oracle(flows)
    receiver.is_slow = False
    kept = {name: os.environ.get(name) for name in (nodes.HASTE_NAME, nodes.LEDGER_NAME)}
    try:
        with asyncio.Runner() as runner:
            runner.run(oracle.learn(NUMBERS))
    finally:
        for variable, value in kept.items():
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = value
        receiver.is_slow = True
    return oracle


def _tables(product: Product) -> Tables:
    if isinstance(product, Production):
        return PostgresTables(product.postgres.address)
    return SqliteTables(product.folder / "data" / "studio.sqlite3")


def _settle(tables: Tables) -> None:
    """Until nothing is under way and every domain event is delivered, or nothing has moved for long."""
    open_runs = (
        "SELECT count(*) AS n FROM executions_run"
        " WHERE state IN ('ready', 'running') OR (state = 'paused' AND reason = 'requested')"
    )
    untold = "SELECT count(*) AS n FROM common_outboxevent WHERE state = 'waiting'"
    give_up_at = time.monotonic() + SETTLE_WITHIN_S
    while time.monotonic() < give_up_at:
        try:
            if not tables.rows(open_runs)[0]["n"] and not tables.rows(untold)[0]["n"]:
                return
        except UNREADABLE:
            pass
        time.sleep(0.5)


def _read(ledger: Path) -> list[dict[str, Any]]:
    lines: Iterable[str] = ledger.read_text().splitlines() if ledger.exists() else ()
    return [json.loads(line) for line in lines]
