"""Fail points."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.common import failpoints

ROOT = Path(__file__).resolve().parents[2]
PASS_TWICE = (
    "from apps.common import failpoints as f; f.hit('run.record'); f.hit('run.record'); print('alive')"
)


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    failpoints.configure("")


def test_an_unset_point_is_passed() -> None:
    failpoints.hit("run.record")


def test_a_counted_point_fires_at_its_passage_only() -> None:
    failpoints.configure("run.record:error@2")
    failpoints.hit("run.record")
    with pytest.raises(failpoints.FailpointHit):
        failpoints.hit("run.record")
    failpoints.hit("run.record")


def test_a_point_by_chance_fires_about_that_often() -> None:
    failpoints.configure("run.record:error%10")
    fired = 0
    for _ in range(2000):
        try:
            failpoints.hit("run.record")
        except failpoints.FailpointHit:
            fired += 1
    assert 100 < fired < 320


@pytest.mark.parametrize("text", ["run.record:explode", "run.record", "run.recrod:kill", "run.record:kill@x"])
def test_what_is_no_point_or_no_action_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SAGE_FAILPOINTS"):
        failpoints.configure(text)


def test_kill_ends_the_process_as_kill_minus_nine_would() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PASS_TWICE],
        env={"SAGE_FAILPOINTS": "run.record:kill@2"},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9
    assert b"alive" not in done.stdout
    assert b"failpoint run.record kill" in done.stderr


def test_stop_freezes_the_process_until_it_is_continued() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PASS_TWICE],
        env={"SAGE_FAILPOINTS": "run.record:stop@1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=150)
    assert output == b"alive\n"


def test_the_table_names_exactly_the_points_in_the_sources() -> None:
    passed: set[str] = set()
    for source in (ROOT / "apps").rglob("*.py"):
        passed.update(re.findall(r"""failpoints\.hit\(\s*f?["']([^"']+)["']""", source.read_text("utf-8")))
    assert passed == set(failpoints.POINTS)


def test_the_points_can_be_listed() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "apps.common.failpoints"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(failpoints.POINTS)


FORK_TWICE = """
import os
from apps.common import failpoints
for _ in range(2):
    if os.fork() == 0:
        failpoints.configure("run.record:error%50")
        told = ""
        for _ in range(64):
            try:
                failpoints.hit("run.record")
                told += "-"
            except failpoints.FailpointHit:
                told += "x"
        print(told, flush=True)
        os._exit(0)
    os.wait()
"""


def test_forks_that_configure_their_points_have_dice_of_their_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK_TWICE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first != second
