"""What every run must give: the same engine in one process, nothing killed, no time passing."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.chaos import nodes
from infra.chaos.containers import APPROVAL_KEY
from sage_studio.engine import Controls, FlowEngine, LocalExecutor
from sage_studio.kernel import json_object
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import builtin_registry


@dataclass(frozen=True, slots=True)
class Answer:
    """How a run must end: its state, its outputs, or the code and node of its error."""

    state: str
    outputs: Any
    error: tuple[str, str | None] | None


class Oracle:
    """Answers for a flow and its ``n``, worked out once each."""

    def __init__(self, flows: Mapping[str, dict[str, Any]]) -> None:
        self._flows = flows
        self._known: dict[tuple[str, int], Answer] = {}
        self._effects: dict[str, set[tuple[str, str]]] = defaultdict(set)

    async def learn(self, numbers: int) -> None:
        """Run every flow for every number."""
        os.environ[nodes.HASTE_NAME] = "1"
        nodes.register()
        engine = FlowEngine(builtin_registry())
        with tempfile.TemporaryDirectory(prefix="sage-oracle-") as folder:
            os.environ[nodes.LEDGER_NAME] = f"{folder}/ledger"
            environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}
            host = LocalHost(folder=Path(folder), environ=environ, out=sys.stderr)
            try:
                with LocalExecutor(host) as executor:
                    for name, body in self._here(Path(folder)).items():
                        graph = engine.parse(body)
                        issues = [i for i in engine.validate(graph).issues if i.code != "flow.no_trigger"]
                        assert not issues, (name, issues)
                        plan = engine.compile(graph)
                        for n in range(numbers):
                            inputs = {"n": n, "tag": tag_of(name, n)}
                            controls = Controls()
                            controls.signal(APPROVAL_KEY, {"approved": True})
                            result = await executor.run(plan, inputs, controls=controls)
                            self._known[name, n] = answer_of(result.state.value, result.outputs, result.error)
                self._read_effects(Path(os.environ[nodes.LEDGER_NAME]))
            finally:
                host.close()

    def _read_effects(self, ledger: Path) -> None:
        for text in ledger.read_text().splitlines():
            line = json.loads(text)
            self._effects[line["tag"]].add((line["node"], line["path"]))

    def _here(self, folder: Path) -> dict[str, dict[str, Any]]:
        """The flows as one process can run them: called flows are files, and timers take no time."""
        flows = deepcopy(dict(self._flows))
        for body in flows.values():
            body["settings"].pop("executor", None)
            for node in body["nodes"]:
                if node["type"] == "sub_flow":
                    node["config"]["flow"] = str(folder / f"{node['config']['flow']}.json")
                if node["type"] == "wait":
                    node["config"]["seconds"] = 0
        for name, body in flows.items():
            (folder / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
        return flows

    def answer(self, flow: str, n: int) -> Answer:
        return self._known[flow, n]

    def effects(self, flow: str, n: int) -> set[tuple[str, str]]:
        """Node and path of every line in the ledger that a whole run writes itself; runs it starts have
        tags of their own."""
        return self._effects[tag_of(flow, n)]


def tag_of(flow: str, n: int) -> str:
    """The mark of the oracle's own runs, in its ledger and at the receiver."""
    return f"oracle-{flow}-{n}"


def answer_of(state: str, outputs: Any, error: Any) -> Answer:
    """The comparable part of an ending."""
    if state == "completed":
        return Answer(state, outputs, None)
    problem = json_object(error) if error else {}
    node_id = problem.get("node_id")
    return Answer(state, None, (str(problem.get("code")), str(node_id) if node_id else None))
