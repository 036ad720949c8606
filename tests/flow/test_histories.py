"""Whatever people do at the same time, everybody ends with one flow (`make histories` plays thousands)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.flow.histories.browsers import FRONTEND, Browsers, open_browsers
from tests.flow.histories.judging import judge
from tests.flow.histories.script import History, Step, histories


@pytest.fixture(scope="module")
def browsers() -> Iterator[Browsers]:
    if not (FRONTEND / "node_modules" / "vite").is_dir():
        pytest.skip("the front end's packages are not installed")
    with open_browsers() as found:
        yield found


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(history=histories(longest=60))
def test_concurrent_histories_end_in_one_flow_on_browsers_and_servers(
    history: History, browsers: Browsers
) -> None:
    judge(history, browsers)


def _apart(*pairs: tuple[str, int, int, int]) -> History:
    """Both share two nodes that take one edge each; then each does something before hearing of the other."""
    shared = [Step(0, "add", 1, 0, 5, 1), Step(0, "add", 1, 1, 6, 1), Step(1, "return", 0, 0, 0, 0)]
    steps = [Step(number % 2, verb, a, b, value, 1) for number, (verb, a, b, value) in enumerate(pairs)]
    return History(("browser", "server"), gossip=False, seed=1, steps=(*shared, *steps))


def test_conflicts_of_two_are_settled_alike_by_both(browsers: Browsers) -> None:
    left_out = Counter(
        code
        for history in (
            _apart(("connect", 0, 1, 0), ("connect", 1, 0, 0)),
            _apart(("add", 1, 0, 9), ("add", 1, 0, 9), ("connect", 0, 1, 0), ("connect", 2, 1, 0)),
            _apart(("connect", 0, 1, 0), ("remove", 1, 0, 1)),
            _apart(("put_in", 0, 1, 0), ("put_in", 1, 0, 0)),
            _apart(("put_in", 0, 1, 0), ("remove", 1, 0, 1)),
        )
        for code in judge(history, browsers)
    )

    assert set(left_out) == {
        "edge.cycle", "edge.port_taken", "edge.dangling", "node.parent_cycle", "node.parent_missing",
    }  # fmt: skip
