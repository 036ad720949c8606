"""Fail points."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from apps.common import failpoints


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    failpoints.configure("")


def test_an_unset_point_is_passed() -> None:
    failpoints.hit("anything")


def test_a_counted_point_fires_at_its_passage_only() -> None:
    failpoints.configure("a:error@2")
    failpoints.hit("a")
    with pytest.raises(failpoints.FailpointHit):
        failpoints.hit("a")
    failpoints.hit("a")


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown action"):
        failpoints.configure("a:explode")


def test_kill_ends_the_process_as_kill_minus_nine_would() -> None:
    program = "from apps.common import failpoints; failpoints.hit('x'); failpoints.hit('x'); print('alive')"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"SAGE_FAILPOINTS": "x:kill@2"}, capture_output=True, check=False
    )
    assert done.returncode == -9
    assert b"alive" not in done.stdout
