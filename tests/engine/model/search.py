"""Random flows, each with random troubles, until enough has run; the smallest disagreement is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed as seeded, settings, strategies as st

from sage_studio.engine import Plan
from tests.engine.model.compare import check, told_timeout
from tests.engine.model.containers import CONTAINERS
from tests.engine.model.flows import SUB_FLOWS, flows
from tests.engine.model.interpreter import TooLong
from tests.engine.model.jumping import run_jumping
from tests.engine.model.play import Kind, Trouble, plan_of, play

EXAMPLES_AT_ONCE = 250
# Each flow is run without trouble, and so many times with: making a flow takes longer than running it.
PLAYS = 7
INPUTS = {"n": 3}
KINDS: tuple[Kind, ...] = (
    "kill_before_batch", "kill_after_batch", "kill_at_node", "dismiss", "drain", "pause", "cancel",
)  # fmt: skip


@dataclass
class Counts:
    """What has been done so far; ``steps`` are executions of test nodes."""

    runs: int = 0
    steps: int = 0
    crashes: int = 0
    claims: int = 0
    chunks: int = 0
    hits: int = 0
    pauses: int = 0
    timeouts: int = 0
    container_limits: int = 0
    flow_limits: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def words(self) -> str:
        befallen = ", ".join(f"{kind} {count}" for kind, count in sorted(self.troubles.items()))
        endings = ", ".join(f"{state} {count}" for state, count in sorted(self.endings.items()))
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        return (
            f"{self.runs} runs, {self.steps} steps, {self.crashes} crashes, {self.claims} claims,"
            f" {self.chunks} chunks, {self.hits} values from the cache, {self.pauses} pauses before another"
            f" attempt, {self.timeouts} time limits of nodes ({self.container_limits} of containers) and"
            f" {self.flow_limits} of flows"
            f" ({befallen or 'no trouble'}); runs {endings}; nodes {kinds}"
        )


class Disagreement(Exception):
    """The engine and the model differ; ``case`` is the smallest flow found, with its troubles."""

    def __init__(self, words: str, case: dict[str, Any]) -> None:
        super().__init__(words)
        self.case = case


def troubles() -> st.SearchStrategy[list[Trouble]]:
    """What befalls the workers of one run, one after another."""
    one = st.builds(Trouble, st.sampled_from(KINDS[:-1]), st.integers(0, 6))
    cancel = st.builds(Trouble, st.just(KINDS[-1]), st.integers(0, 8))
    some = st.lists(one, min_size=1, max_size=6)
    return st.one_of(some, some, some, st.builds(lambda a, b: [*a, b], some, cancel))


def search(*, steps: int, seed: int, depth: int, shrinks: bool = True) -> Counts:
    """Try flows until ``steps`` nodes have run. Raises Disagreement, with the smallest flow that is found
    if it ``shrinks``."""
    counts = Counts()
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    while counts.steps < steps:
        _search_some(counts, steps, seed, depth, phases)
        seed += 1
    return counts


def _search_some(counts: Counts, steps: int, seed: int, depth: int, phases: tuple[Phase, ...]) -> None:
    smallest: dict[str, Any] = {}

    @seeded(seed)
    @settings(
        max_examples=EXAMPLES_AT_ONCE,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=phases,
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(flows(depth=depth), st.lists(troubles(), min_size=PLAYS, max_size=PLAYS))
    def attempt(flow: dict[str, Any], befall: list[list[Trouble]]) -> None:
        if counts.steps >= steps and not smallest:
            return
        plan = plan_of(flow)
        for some in ([], *befall):
            try:
                try_one(counts, flow, some, plan)
            except Exception:
                smallest.update(flow=flow, troubles=[[trouble.kind, trouble.at] for trouble in some])
                raise

    try:
        attempt()
    except Exception as error:
        raise Disagreement(f"{type(error).__name__}: {error}", smallest) from error


def try_one(counts: Counts, flow: dict[str, Any], befall: list[Trouble], plan: Plan) -> None:
    """Play one flow and compare it with the model. Raises Violation."""
    played = run_jumping(play(flow, INPUTS, befall, plan=plan))
    try:
        check(flow, INPUTS, played, flows=SUB_FLOWS)
    except TooLong:
        return
    counts.runs += 1
    counts.steps += len(played.ledger.executions)
    counts.crashes += played.crashes
    counts.claims += played.claims
    counts.chunks += played.chunks
    counts.hits += played.hits
    counts.pauses += sum(event.type == "node_retrying" for event in played.events)
    late = [event.node_id for event in played.events if told_timeout(event)]
    containers = {node["id"] for node in flow["nodes"] if node["type"] in CONTAINERS}
    counts.timeouts += len(late)
    counts.container_limits += sum(node_id in containers for node_id in late)
    error = played.outcome.error
    counts.flow_limits += error is not None and error["code"] == "run.timeout"
    counts.troubles.update(played.befallen)
    counts.endings[played.outcome.state] += 1
    counts.kinds.update(node["type"] for node in flow["nodes"])
