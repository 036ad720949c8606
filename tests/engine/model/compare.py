"""What must be equal between the engine's records and the interpreter's story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sage_studio.engine import Event, NodeRecord
from sage_studio.engine.errors import WORKER_LOST
from sage_studio.engine.records import FINAL_NODE_STATES, UNDER_WAY_STATES
from tests.engine.model.choices import Choices, every_way
from tests.engine.model.interpreter import Flow, Interpreter, Key, Seen, Story, Told
from tests.engine.model.nodes import RUN, Ledger, problem_key
from tests.engine.model.play import Played, Violation

MOST_WAYS = 300
MOST_NODE_RUNS = 1500
# Pauses are told in milliseconds.
ROUNDED_S = 0.001
_ENDS = {"node_completed", "node_skipped", "node_failed"}


def check(
    flow: Flow, inputs: Mapping[str, Any], played: Played, *, flows: Mapping[str, Flow] | None = None
) -> None:
    """Raises Violation with the differences from the nearest story, when none fits."""
    check_events(played.events)
    check_limits(flow, played.ledger)
    check_cached(flow, played)
    check_pauses(flow, played)
    settled = settled_at(played.events)

    given = {key: record.outputs for key, record in played.nodes.items() if record.outputs is not None}
    problems: dict[tuple[str | None, str], Mapping[str, Any]] = {
        key: record.error for key, record in played.nodes.items() if record.error is not None
    }
    if played.outcome.error is not None:
        problems[None, ""] = played.outcome.error
    seen = Seen(settled, given, problems, played.claims)

    def interpret(choices: Choices) -> Story:
        return Interpreter(flow, inputs, choices, seen=seen, flows=flows or {}, most=MOST_NODE_RUNS).run()

    nearest: list[str] | None = None
    for story in every_way(interpret, most=MOST_WAYS):
        found = differences(story, played)
        if not found:
            return
        if nearest is None or len(found) < len(nearest):
            nearest = found
    raise Violation("\n".join(nearest or ["no story"]))


def check_events(events: Sequence[Event]) -> None:
    """Numbers without gaps, one beginning, one end, and one final event for a node run."""
    if [event.seq for event in events] != list(range(1, len(events) + 1)):
        raise Violation("event numbers have gaps")
    kinds = [event.type for event in events]
    if kinds.count("run_started") != 1 or kinds[0] != "run_started":
        raise Violation("a run begins once")
    final = [kind for kind in kinds if kind in {"run_completed", "run_failed", "run_cancelled"}]
    if len(final) != 1:
        raise Violation(f"a run ends once: {final}")
    if (last := kinds[kinds.index(final[0]) :]) not in ([final[0]], [final[0], f"flow{final[0][3:]}"]):
        raise Violation(f"a run that has ended says no more: {last}")
    ended: set[Key] = set()
    for event in events:
        if event.type in _ENDS and event.node_id is not None:
            key = (event.node_id, event.iteration_path)
            if key in ended:
                raise Violation(f"{key} ends twice")
            ended.add(key)


def check_limits(flow: Flow, ledger: Ledger) -> None:
    """How many were at work at once, of each node and of all."""
    limits = {node["id"]: node["concurrency"] for node in flow["nodes"] if "concurrency" in node}
    if "concurrency" in flow["settings"]:
        limits[RUN] = flow["settings"]["concurrency"]
    for what, limit in limits.items():
        if ledger.most_at_work[what] > limit:
            raise Violation(f"{ledger.most_at_work[what]} of {what} at work at once, not {limit}")


def check_cached(flow: Flow, played: Played) -> None:
    """Only where the node says so does anything come from the cache, and it is not worked out as well, unless
    by a worker that was lost before it said so."""
    worked_out = set() if played.befallen else set(played.ledger.executions)
    may_be = {node["id"] for node in flow["nodes"] if node.get("cache")}
    for event in played.events:
        if event.type != "node_completed" or not event.data.get("cached"):
            continue
        if event.node_id not in may_be:
            raise Violation(f"{event.node_id} is not to be cached, and was")
        if (event.node_id, event.iteration_path, event.attempt) in worked_out:
            raise Violation(f"{event.node_id} {event.iteration_path} came from the cache, and was worked out")


def check_pauses(flow: Flow, played: Played) -> None:
    """How long was waited before another attempt: by the rule, and really, when nobody came between."""
    rules = {node["id"]: node.get("retry") or {} for node in flow["nodes"]}
    asks = {node["id"]: node["config"].get("asks_s", 0) for node in flow["nodes"]}
    unrepeatable = {node["id"] for node in flow["nodes"] if node["type"] == "once"}
    failures: Counter[Key] = Counter()
    until: dict[tuple[str, str, int], float] = {}
    for event in played.events:
        node_id, path, data = event.node_id or "", event.iteration_path, event.data
        if event.type == "node_retrying":
            wait_s, code = cast(float, data["wait_s"]), _code(event)
            if code == WORKER_LOST.code:
                continue
            failures[node_id, path] += 1
            rule = rules[node_id]
            asked = asks[node_id] if code == "model.planned" else 0.0
            # An attempt whose outcome nobody knew, and which a person let repeat, counts as one that failed.
            count = event.attempt if node_id in unrepeatable else failures[node_id, path]
            pause = rule["delay_s"] * rule["backoff"] ** (count - 1)
            least, most = (max(pause * (1 + sign * rule["jitter"]), asked) for sign in (-1, 1))
            if not least - ROUNDED_S <= wait_s <= most + ROUNDED_S:
                raise Violation(f"{node_id} {path} waits {wait_s} s, not {least} to {most}")
            until[node_id, path, cast(int, data["next"])] = event.at + wait_s
        elif event.type == "node_started" and not played.befallen:
            soonest = until.get((node_id, path, event.attempt), 0)
            if event.at < soonest - ROUNDED_S:
                raise Violation(f"{node_id} {path} did not wait before attempt {event.attempt}")


def told_timeout(event: Event) -> bool:
    """Whether an attempt was cut off by its time limit."""
    return event.type in {"node_failed", "node_retrying"} and _code(event) == "node.timeout"


def _code(event: Event) -> str:
    return str(cast("Mapping[str, Any]", event.data["error"])["code"])


def settled_at(events: Sequence[Event]) -> dict[Key, int]:
    return {(e.node_id, e.iteration_path): e.seq for e in events if e.type in _ENDS and e.node_id is not None}


def begun_at(events: Sequence[Event]) -> dict[Key, int]:
    begun: dict[Key, int] = {}
    for event in events:
        if event.node_id is not None and event.type in {"node_started", *_ENDS}:
            begun.setdefault((event.node_id, event.iteration_path), event.seq)
    return begun


def differences(story: Story, played: Played) -> list[str]:
    """In words, what does not fit; nothing when all does."""
    was_cancelled = "cancel" in played.befallen
    was_lost = bool(played.crashes or "drain" in played.befallen)
    is_cancelled = was_cancelled and played.outcome.state == "cancelled"
    found = _cancelled(played) if is_cancelled else _outcome(story, played)
    for key, told in story.nodes.items():
        found += _node(key, told, played.nodes.get(key), is_cut=was_cancelled, counts=not was_lost)
    for key, told in story.iterations.items():
        found += _iteration(key, told, played.nodes.get(key), is_cut=was_cancelled)
    for key in played.nodes.keys() - story.nodes.keys() - story.iterations.keys():
        found.append(f"{key} should not exist: {played.nodes[key].state}")
    return found + _order(story, played.events)


def _cancelled(played: Played) -> list[str]:
    """A run that was cancelled gives nothing, blames nobody, and nothing in it is under way any more."""
    outcome = played.outcome
    found = _differ("cancelled run's outputs", outcome.outputs or None, None)
    found += _differ("cancelled run's error", outcome.error, None)
    for key, record in played.nodes.items():
        if record.state in UNDER_WAY_STATES:
            found.append(f"{key} is {record.state} in a cancelled run")
    return found


def _outcome(story: Story, played: Played) -> list[str]:
    outcome = played.outcome
    if outcome.state != story.state:
        return [f"run {outcome.state}, not {story.state}: {outcome.error or story.problem}"]
    if story.problem is not None and outcome.error is not None:
        return _differ("run error", problem_key(outcome.error), problem_key(story.problem))
    return _differ("run outputs", plain(outcome.outputs), plain(story.outputs))


def _node(key: Key, told: Told, record: NodeRecord | None, *, is_cut: bool, counts: bool) -> list[str]:
    may_be_cut = is_cut or not told.is_certain
    if record is None:
        return [] if may_be_cut else [f"{key} has no record, should be {told.state}"]
    if may_be_cut and record.state in {"cancelled", "paused"}:
        return []
    if may_be_cut and record.state == "failed" and _was_to_go_on(record, told):
        return []
    if told.state == "cancelled" and record.state in FINAL_NODE_STATES:
        return []
    found = _differ(f"{key} state", record.state, told.state)
    if told.state == "completed" and not found and "$left" not in (told.outputs or {}):
        found += _differ(f"{key} outputs", plain(record.outputs), plain(told.outputs))
    if told.problem is not None and record.error is not None:
        found += _differ(f"{key} error", problem_key(record.error), problem_key(told.problem))
    if counts and not may_be_cut:
        found += _differ(f"{key} attempts", record.attempt, told.attempts)
    return found


def _iteration(key: Key, told: Told, record: NodeRecord | None, *, is_cut: bool) -> list[str]:
    if record is None:
        return [] if is_cut or not told.is_certain else [f"iteration {key} has no record"]
    found = _differ(f"iteration {key} state", record.state, told.state)
    if not found and told.outputs is not None and record.outputs is not None:
        found = _differ(
            f"iteration {key} value", plain(record.outputs.get("value")), plain(told.outputs["value"])
        )
    if not found and told.problem is not None and record.error is not None:
        found = _differ(f"iteration {key} error", problem_key(record.error), problem_key(told.problem))
    return found


def _was_to_go_on(record: NodeRecord, told: Told) -> bool:
    """Whether this is a failed attempt whose next one never began."""
    is_lost = record.error is not None and record.error["code"] == "run.worker_lost"
    return is_lost or record.attempt < told.attempts


def _order(story: Story, events: Sequence[Event]) -> list[str]:
    settled, begun = settled_at(events), begun_at(events)
    found = []
    for first, second in story.order:
        if first in settled and second in begun and settled[first] > begun[second]:
            found.append(f"{second} began before {first} had settled")
        if second in begun and first not in settled:
            found.append(f"{second} began, but {first} never settled")
    for outer, inner in story.within:
        if inner in begun and begun.get(outer, 0) > begun[inner]:
            found.append(f"{inner} began before its container {outer}")
        if inner in settled and outer in settled and settled[inner] > settled[outer]:
            found.append(f"{inner} settled after its container {outer}")
    return found + _stages(story, events)


def _stages(story: Story, events: Sequence[Event]) -> list[str]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for event in events:
        path = event.iteration_path
        while path:
            first.setdefault(path, event.seq)
            last[path] = event.seq
            path = path.rpartition("/")[0]
    return [
        f"{second} began before {earlier} was over"
        for earlier, second in story.stages
        if earlier in last and second in first and last[earlier] > first[second]
    ]


def plain(value: Any) -> Any:
    """A value with every problem in it reduced to where it arose."""
    if isinstance(value, Mapping):
        if ("code" in value and "message" in value) or {"code", "node_id", "iteration_path"} <= set(value):
            return problem_key(value)
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def _differ(what: str, is_: Any, should: Any) -> list[str]:
    return [] if is_ == should else [f"{what}: {is_!r}, should be {should!r}"]
