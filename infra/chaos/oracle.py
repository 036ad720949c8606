"""What every run must give: the same engine in one process, nothing killed, no time passing."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.chaos import nodes
from sage_studio.engine import FlowEngine, LocalExecutor
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
                    for name, body in self._flows.items():
                        graph = engine.parse(body)
                        assert engine.validate(graph).is_valid, (name, engine.validate(graph).issues)
                        plan = engine.compile(graph)
                        for n in range(numbers):
                            result = await executor.run(plan, {"n": n, "tag": f"oracle-{name}-{n}"})
                            self._known[name, n] = answer_of(result.state.value, result.outputs, result.error)
            finally:
                host.close()

    def answer(self, flow: str, n: int) -> Answer:
        return self._known[flow, n]


def answer_of(state: str, outputs: Any, error: Any) -> Answer:
    """The comparable part of an ending."""
    if state == "completed":
        return Answer(state, outputs, None)
    problem = json_object(error) if error else {}
    node_id = problem.get("node_id")
    return Answer(state, None, (str(problem.get("code")), str(node_id) if node_id else None))
