"""Holds what is in the tables and in the ledger against the promises. Every breach is one line of text."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.chaos.effects import judge_effects, judge_requests, judge_same_effects
from infra.chaos.flows import Kind
from infra.chaos.load import Start
from infra.chaos.oracle import Oracle, answer_of
from infra.chaos.receiver import Receiver
from infra.chaos.tables import Tables, as_id, as_json
from infra.chaos.verdict import Verdict

# Why a run may stand still at the end: a person has to decide.
NAMED_REASONS = frozenset({"outcome_unknown", "dead_letter"})
FINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass
class Judge:
    """``judge`` once everything has settled."""

    tables: Tables
    oracle: Oracle
    kinds: Mapping[str, Kind]
    flow_names: Mapping[str, str]
    starts: Sequence[Start]
    ledger: Sequence[dict[str, Any]]
    receiver: Receiver
    frozen_pids: frozenset[int]
    sessions: Mapping[int, str]

    def judge(self) -> Verdict:
        verdict = Verdict()
        runs = self._runs()
        self._accepted_once(verdict, runs)
        self._ended(verdict, runs)
        ended = self._ended_alone(runs)
        self._as_the_oracle_says(verdict, ended)
        judge_same_effects(verdict, self.ledger, ended, self.oracle, self.receiver)
        self._events_without_gaps(verdict, runs)
        nodes = self._nodes()
        self._one_completion(verdict, nodes)
        done_at = {
            (as_id(row["run_id"]), row["node_id"], row["iteration_path"]): _seconds(row["finished_at"])
            for row in nodes
            if row["state"] == "completed"
        }
        flows = {run_id: run["flow"] for run_id, run in runs.items()}
        judge_effects(verdict, self.ledger, done_at, flows, self.frozen_pids)
        judge_requests(verdict, self.receiver)
        self._told(verdict, runs)
        self._no_late_writer(verdict)
        return verdict

    # Reading

    def _runs(self) -> dict[str, dict[str, Any]]:
        """By id; runs of the mix only, with their inputs parsed and the name of their flow."""
        names = {flow_id: name for name, flow_id in self.flow_names.items()}
        found = {}
        for row in self.tables.rows("SELECT * FROM executions_run"):
            name = names.get(as_id(row["flow_id"]))
            if name is None:
                continue
            row["inputs"], row["outputs"] = as_json(row["inputs"]), as_json(row["outputs"])
            row["error"], row["flow"] = as_json(row["error"]), name
            found[as_id(row["id"])] = row
        return found

    def _nodes(self) -> list[dict[str, Any]]:
        query = "SELECT run_id, node_id, iteration_path, attempt, state, finished_at FROM executions_noderun"
        return self.tables.rows(query)

    # The promises

    def _accepted_once(self, verdict: Verdict, runs: Mapping[str, dict[str, Any]]) -> None:
        by_tag: dict[str, list[str]] = defaultdict(list)
        for run_id, run in runs.items():
            by_tag[run["inputs"]["tag"]].append(run_id)
        for start in self.starts:
            found = by_tag.get(start.tag, [])
            verdict.counts["starts"] += 1
            verdict.counts["accepted"] += start.run_id is not None
            if start.run_id is not None and found != [start.run_id]:
                verdict.breach("an accepted run exists", f"{start.flow} {start.run_id}: {found}")
        for tag, found in by_tag.items():
            if len(found) > 1:
                verdict.breach("a start is one run", f"{runs[found[0]]['flow']} {tag}: {found}")

    def _ended(self, verdict: Verdict, runs: Mapping[str, dict[str, Any]]) -> None:
        for run_id, run in runs.items():
            state, reason = run["state"], run["reason"]
            verdict.counts[f"runs {state}"] += 1
            verdict.flows[run["flow"]] += 1
            if state == "paused":
                verdict.counts[f"paused {reason}"] += 1
                if reason not in NAMED_REASONS:
                    told = f"{run['flow']} {run_id} paused {reason!r}"
                    verdict.breach("every run ends or says why not", told)
                if reason == "outcome_unknown" and not self.kinds[run["flow"]].has_once:
                    verdict.breach("only what may not be repeated is unknown", f"{run['flow']} {run_id}")
            elif state not in FINAL:
                told = f"{run['flow']} {run_id} {state} owner={run['owner']} until={run['lease_until']}"
                verdict.breach("every run ends or says why not", told)
        for row in self._open_nodes():
            told = f"{as_id(row['run_id'])} {row['node_id']}@{row['attempt']} {row['state']}"
            verdict.breach("an ended run has no open node", told)

    def _open_nodes(self) -> list[dict[str, Any]]:
        return self.tables.rows(
            "SELECT n.run_id, n.node_id, n.attempt, n.state FROM executions_noderun n"
            " JOIN executions_run r ON r.id = n.run_id WHERE r.state IN ('completed', 'failed', 'cancelled')"
            " AND n.state NOT IN ('completed', 'skipped', 'failed', 'cancelled')"
        )

    def _ended_alone(self, runs: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Those that ended, except for what people cancelled."""
        cancelled = {start.run_id for start in self.starts if start.is_cancelled}
        found = {}
        for run_id, run in runs.items():
            parent_id = run["parent_run_id"] and as_id(run["parent_run_id"])
            is_cancelled = run["state"] == "cancelled" and bool({run_id, parent_id} & cancelled)
            if run["state"] in FINAL and not is_cancelled:
                found[run_id] = run
        return found

    def _as_the_oracle_says(self, verdict: Verdict, ended: Mapping[str, dict[str, Any]]) -> None:
        for run_id, run in ended.items():
            wanted = self.oracle.answer(run["flow"], run["inputs"]["n"])
            got = answer_of(run["state"], run["outputs"], run["error"])
            verdict.counts["compared with the oracle"] += 1
            if _plain(got) != _plain(wanted):
                verdict.breach("outputs equal the oracle", f"{run['flow']} {run_id}: {got} != {wanted}")

    def _events_without_gaps(self, verdict: Verdict, runs: Mapping[str, dict[str, Any]]) -> None:
        query = (
            "SELECT run_id, count(*) AS n, min(seq) AS first, max(seq) AS last"
            " FROM executions_runevent GROUP BY run_id"
        )
        counted = {as_id(row["run_id"]): row for row in self.tables.rows(query)}
        for run_id, run in runs.items():
            row = counted.get(run_id)
            verdict.counts["events"] += row["n"] if row else 0
            if row is None or row["first"] != 1 or not row["n"] == row["last"] == run["last_seq"]:
                verdict.breach("events are numbered without gaps", f"{run_id}: {row}, last {run['last_seq']}")
        endings = self.tables.rows(
            "SELECT run_id, count(*) AS n FROM executions_runevent"
            " WHERE type IN ('run_completed', 'run_failed', 'run_cancelled') GROUP BY run_id"
        )
        said = {as_id(row["run_id"]): row["n"] for row in endings}
        for run_id, run in runs.items():
            if run["state"] in FINAL and said.get(run_id) != 1:
                verdict.breach("a run ends once", f"{run_id} said so {said.get(run_id)} times")

    def _one_completion(self, verdict: Verdict, nodes: Iterable[dict[str, Any]]) -> None:
        completions: Counter[tuple[str, str, str]] = Counter()
        for row in nodes:
            verdict.counts["node attempts"] += 1
            if row["state"] == "completed":
                completions[as_id(row["run_id"]), row["node_id"], row["iteration_path"]] += 1
            elif row["attempt"] > 1:
                verdict.counts["attempts repeated"] += 1
        verdict.counts["nodes completed"] = len(completions)
        for where, count in completions.items():
            if count > 1:
                verdict.breach("a node completes at most once", f"{where}: {count}")

    def _told(self, verdict: Verdict, runs: Mapping[str, dict[str, Any]]) -> None:
        """Every ending has left its domain event, and all were delivered."""
        topics = ("run.finished", "run.failed")
        told: Counter[tuple[str, str]] = Counter()
        query = "SELECT topic, payload, state, attempts FROM common_outboxevent"
        for row in self.tables.rows(query):
            if row["topic"] in topics:
                told[row["topic"], str(as_json(row["payload"])["run_id"])] += 1
            if row["state"] != "done":
                verdict.breach("domain events are delivered", f"{row}")
            verdict.counts["domain events"] += 1
        if not any(topic == "run.failed" for topic, _ in told):
            return
        for run_id, run in runs.items():
            if run["state"] == "failed" and not told["run.failed", run_id]:
                verdict.breach("domain events are delivered", f"run.failed of {run_id} is missing")

    def _no_late_writer(self, verdict: Verdict) -> None:
        """Every transaction of a worker that wrote nodes or events of a run held that run at the time (its
        own condition on the fence matched a row it owned), or nobody did (a child cancelled or paused with
        its parent). A run's first event comes with the run itself."""
        if not self.sessions:
            return
        holds: dict[tuple[int, str], set[str]] = defaultdict(set)
        for row in self.tables.rows("SELECT tx, run, old_owner FROM chaos_write WHERE what = 'run'"):
            holds[row["tx"], as_id(row["run"])].add(row["old_owner"])
        query = (
            "SELECT DISTINCT tx, run, session FROM chaos_write"
            " WHERE what <> 'run' AND session LIKE 'worker%%' AND coalesce(seq, 0) <> 1"
        )
        for row in self.tables.rows(query):
            verdict.counts["transactions of workers"] += 1
            owners = {self._session_of(owner) for owner in holds[row["tx"], as_id(row["run"])]}
            if not owners & {row["session"], ""}:
                told = f"{row['session']} wrote to {as_id(row['run'])}, held by {owners or 'nobody'}"
                verdict.breach("only the holder of a run writes to it", told)
        again = self.tables.rows(
            "SELECT run, node, path, attempt FROM chaos_write WHERE what = 'node'"
            " AND was LIKE 'completed%%' AND was IS DISTINCT FROM became"
        )
        for row in again:
            verdict.breach("a finished node's record never changes", str(row))

    def _session_of(self, owner: str) -> str:
        return self.sessions.get(int(owner.split(":")[1]), owner) if owner else ""


def _plain(value: Any) -> str:
    return json.dumps([value.state, value.outputs, value.error], sort_keys=True, default=str)


def _seconds(moment: Any) -> float:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return float((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
