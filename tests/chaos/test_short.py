"""A minute of chaos in the layout of this pass; ``make chaos`` does it for as long as one likes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.chaos.effects import judge_same_effects
from infra.chaos.oracle import Oracle
from infra.chaos.receiver import Receiver
from infra.chaos.rig import SHORT, Plan, run_chaos
from infra.chaos.verdict import Verdict
from infra.setup.console import ROOT

SEED = 11
MINUTES = 1.0


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_product_keeps_its_promises_while_its_parts_are_killed_and_frozen() -> None:
    mode = "postgres" if os.environ.get("DATABASE_URL") else "sqlite"
    report = run_chaos(Plan(mode, MINUTES, SEED, rate=2.0, setup=SHORT))
    _keep(mode, report.as_json())
    assert not report.violations, report.as_table()
    assert not report.rig_faults, report.as_table()
    assert report.counts["accepted"] > 20, report.as_table()
    assert sum(report.faults.values()) >= 5, report.as_table()
    assert all(recovery.seconds is not None for recovery in report.recoveries), report.as_table()


def _keep(mode: str, report: str) -> None:
    folder: Path = ROOT / ".cache" / "chaos"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"short-{mode}.json").write_text(report, encoding="utf-8")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver(SEED)
    yield made
    made.close()


def test_the_judge_sees_effects_that_were_left_out_or_are_too_many(receiver: Receiver) -> None:
    oracle = Oracle({})
    oracle.effects("caught", 1).update({("a", ""), ("always", "")})
    receiver.note("oracle-caught-1", "key")
    ended = {"run": {"flow": "caught", "inputs": {"n": 1, "tag": "t"}}}

    def found(*nodes: str) -> list[str]:
        verdict = Verdict()
        ledger = [{"run": "run", "node": node, "path": ""} for node in nodes]
        judge_same_effects(verdict, ledger, ended, oracle, receiver)
        return verdict.breaches["effects equal the oracle"]

    assert len(found("a")) == 2, "an effect is missing, and a request"
    receiver.note("t", "key")
    assert len(found("a", "always", "other")) == 1
    assert found("a", "always", "always") == []
