"""Running one node the way a flow runs it: compiled, scheduled, with its expressions, logged."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodePlugin, NodeSpec, Port, as_node, text
from sage_studio.testing.host import BenchHost

_RUN = "run"
_PORTS = 24
_WORD = text("Value", "值")


@dataclass(frozen=True, slots=True)
class NodeRun:
    """How a run of one node ended. ``outputs`` are by port; ``error`` is a problem as people see it, with its
    ``code``; ``log`` are its lines and ``events`` all that was recorded."""

    state: str
    outputs: Mapping[str, Any]
    error: Mapping[str, Any] | None = None
    log: tuple[str, ...] = ()
    events: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


class GivenValues(Node):
    """Gives the values a test wants on its ports."""

    spec: ClassVar = NodeSpec(
        id="given_values",
        name=_WORD,
        description=_WORD,
        category="utility",
        icon="list",
        outputs=tuple(Port(name=f"p{number}", label=_WORD) for number in range(_PORTS)),
        config=(Field(name="values", type="any", label=_WORD, expression="never"),),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        values: dict[str, Any] = ctx.config["values"]
        return values


async def run_node(
    node: type[Node | NodePlugin],
    *,
    config: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    host: LocalHost | None = None,
    **inputs: Any,
) -> NodeRun:
    """Run one node of either face; ``inputs`` reach it through connections, ``config`` may hold expressions.

    With ``environ`` the node reaches the network as on the command line
    (``{"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}`` for a server of the test's own; credentials are
    ``SAGE_CREDENTIAL_<NAME>``); without it there is none.
    """
    made: type[Node] = as_node(node) if issubclass(node, NodePlugin) else node
    body = flow_of(made.spec, config or {}, inputs)
    if host is not None:
        return await run_body(body, made, host)
    with (
        tempfile.TemporaryDirectory() as folder,
        BenchHost(Path(folder), network=environ is not None, environ=environ) as bench,
    ):
        return await run_body(body, made, bench)


def flow_of(spec: NodeSpec, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A flow with the node alone; several values on a ``multiple`` port come as ``(name, value)`` pairs."""
    wires: list[tuple[str, Any]] = []
    for name, value in inputs.items():
        port = spec.inputs_by_name.get(name)
        several = port is not None and port.multiple
        wires += [(name, pair[1]) for pair in value] if several else [(name, value)]
    tested = {"id": "tested", "type": spec.id, "config": dict(config)}
    if not wires:
        return {"schema": "sage-studio/flow@1", "nodes": [tested]}
    values = {f"p{number}": value for number, (_name, value) in enumerate(wires)}
    given = {"id": "given", "type": GivenValues.spec.id, "config": {"values": values}}
    edges = [
        {"source": "given", "source_port": f"p{number}", "target": "tested", "target_port": name}
        for number, (name, _value) in enumerate(wires)
    ]
    return {"schema": "sage-studio/flow@1", "nodes": [given, tested], "edges": edges}


async def run_body(
    body: Mapping[str, Any], node: type[Node], host: LocalHost, *, whole: bool = False
) -> NodeRun:
    """Run a whole flow that uses the node; ``outputs`` are those of the node ``tested``, or of the flow."""
    plan = compile_flow(parse_plain(dict(body)), _registry(node))
    store = MemoryRunStore()
    with ThreadPoolExecutor(2) as threads:
        result = await run_flow(plan, run_id=_RUN, inputs={}, store=store, host=host, threads=threads)
    events = tuple(event.to_json(_RUN) for event in store.events.get(_RUN, []))
    lines = tuple(str(event.get("data")) for event in events if event["type"] == "log")
    outputs = result.outputs if whole else result.outputs.get("tested")
    return NodeRun(result.state.value, outputs or {}, result.error, lines, events)


def _registry(node: type[Node]) -> NodeRegistry:
    """The product's nodes and the tested one, which may stand in for one of them."""
    builtin = builtin_registry()
    if builtin.get(node.spec.id) is None:
        return NodeRegistry([GivenValues, node], below=builtin)
    others = [known for known in builtin.nodes() if known.spec.id != node.spec.id]
    return NodeRegistry([*others, GivenValues, node])
