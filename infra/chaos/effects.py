"""Judges effects: what nodes did outside the database against what is recorded of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from infra.chaos.oracle import Oracle, tag_of
from infra.chaos.receiver import Receiver
from infra.chaos.verdict import Verdict

# Clocks of one machine, read in different processes and stored with microseconds.
SLACK_S = 0.001
Where = tuple[str, str, str]


def judge_effects(
    verdict: Verdict,
    ledger: Sequence[dict[str, Any]],
    done_at: Mapping[Where, float],
    flows: Mapping[str, str],
    frozen_pids: frozenset[int],
) -> None:
    """``done_at`` are the recorded completions by run, node and path; ``flows`` names each run's flow.

    A process that was frozen in the middle of a node may write its line late, under the same key: that
    is what keys are for. Any other line after the node's completion is a repeat.
    """
    keys: dict[Where, set[str]] = defaultdict(set)
    lines: Counter[str] = Counter()
    for line in ledger:
        where = (line["run"], line["node"], line["path"])
        keys[where].add(line["key"])
        lines[line["key"]] += 1
        ended = done_at.get(where)
        if ended is not None and line["at"] > ended + SLACK_S and line["pid"] not in frozen_pids:
            verdict.breach("a finished node never runs again", f"{where} after it was done: {line}")
    for where, found in keys.items():
        if len(found) > 1:
            verdict.breach("an effect has one key over all attempts", f"{where}: {found}")
    for key in {line["key"] for line in ledger if line["once"]}:
        if lines[key] > 1:
            verdict.breach("at most once", f"{key}: {lines[key]} times")
    _nothing_lost(verdict, ledger, done_at, flows)
    verdict.counts["effects in the ledger"] = sum(lines.values())
    verdict.counts["effects by key"] = len(lines)
    verdict.counts["effects repeated under their key"] = sum(lines.values()) - len(lines)


def _nothing_lost(
    verdict: Verdict,
    ledger: Sequence[dict[str, Any]],
    done_at: Mapping[Where, float],
    flows: Mapping[str, str],
) -> None:
    """Every completion of a node that writes lines has one."""
    written = {(line["run"], line["node"], line["path"]) for line in ledger}
    writers = {(flows.get(run_id), node_id) for run_id, node_id, _ in written}
    for where in done_at:
        if (flows.get(where[0]), where[1]) in writers and where not in written:
            verdict.breach("what is recorded as done was done", str(where))


def judge_same_effects(
    verdict: Verdict,
    ledger: Sequence[dict[str, Any]],
    ended: Mapping[str, dict[str, Any]],
    oracle: Oracle,
    receiver: Receiver,
) -> None:
    """Runs that ended by themselves did what the oracle did, no part left out and none too many: outputs
    alone do not tell of a ``finally`` that was skipped."""
    done: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for line in ledger:
        done[line["run"]].add((line["node"], line["path"]))
    for run_id, run in ended.items():
        flow, n, tag = run["flow"], run["inputs"]["n"], run["inputs"]["tag"]
        wanted = oracle.effects(flow, n)
        verdict.counts["effects compared with the oracle"] += len(wanted)
        if done[run_id] != wanted:
            told = f"missing {wanted - done[run_id]}, too many {done[run_id] - wanted}"
            verdict.breach("effects equal the oracle", f"{flow} {run_id}: {told}")
        if tag_of(flow, n) in receiver.keys_of and tag not in receiver.keys_of:
            verdict.breach("effects equal the oracle", f"{flow} {run_id}: no request arrived")


def judge_requests(verdict: Verdict, receiver: Receiver) -> None:
    """The service outside saw one key per start: each flow sends one keyed request."""
    for tag, keys in receiver.keys_of.items():
        if not tag.startswith("oracle") and len(keys) > 1:
            verdict.breach("an effect has one key over all attempts", f"request of {tag}: {keys}")
    verdict.counts["requests outside"] = sum(receiver.calls.values())
    verdict.counts["requests by key"] = len(receiver.effects)
