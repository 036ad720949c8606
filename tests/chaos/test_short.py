"""A minute of chaos in the layout of this pass; ``make chaos`` does it for as long as one likes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.chaos.rig import SHORT, Plan, run_chaos
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
