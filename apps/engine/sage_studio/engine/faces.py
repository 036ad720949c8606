"""The documented entry points ``FlowEngine`` and ``Scheduler``; the executors are in ``flow_executors``.

They are thin: an ``ExecutionGraph`` is a parsed document with its node types, an
``ExecutableFlow`` is a ``Plan``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sage_studio.engine.compile import NodeClasses, compile_flow
from sage_studio.engine.controls import Controls
from sage_studio.engine.execution import run_flow
from sage_studio.engine.host import Host
from sage_studio.engine.inputs import typed_inputs
from sage_studio.engine.optimise import optimise, report_of
from sage_studio.engine.options import RunOptions
from sage_studio.engine.plan import Plan
from sage_studio.engine.records import RunResult
from sage_studio.engine.store import MemoryRunStore, RunStore
from sage_studio.flow import Issue, has_errors, parse, parse_plain, validate
from sage_studio.flow.document import FlowDocument, edge_id
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Clock, SageError, new_id


class NodeLibrary(NodeClasses, Protocol):
    """Node classes and their specs (``plugins.registry.NodeRegistry`` in the product)."""

    def spec(self, type_id: str, version: str | None = None, /) -> NodeSpec | None: ...

    def specs(self) -> Sequence[NodeSpec]: ...


@dataclass(frozen=True, slots=True)
class ExecutionGraph:
    """A parsed flow; ``notes`` says in words what the optimiser did to it."""

    document: FlowDocument
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What is wrong with a flow; warnings do not keep it from running."""

    issues: tuple[Issue, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not has_errors(list(self.issues))


ExecutableFlow = Plan


class FlowEngine:
    """Reads, checks, tidies and compiles flows for one library of node types."""

    def __init__(self, library: NodeLibrary) -> None:
        self._library = library

    def parse(self, flow_json: Mapping[str, Any] | str | bytes) -> ExecutionGraph:
        """Read a flow from JSON text, YAML text or a mapping. Raises SageError with every place
        that is not as it should be."""
        if isinstance(flow_json, (str, bytes)):
            return ExecutionGraph(parse(flow_json))
        return ExecutionGraph(parse_plain(dict(flow_json)))

    def validate(self, graph: ExecutionGraph) -> ValidationResult:
        """Types, ports, fields, cycles, expressions."""
        return ValidationResult(tuple(validate(graph.document, self._library)))

    def optimize(self, graph: ExecutionGraph) -> ExecutionGraph:
        """Leave out what cannot matter (repeated connections, and disabled nodes nothing hangs on) and
        note what ``compile`` will do to the rest: see ``engine.optimise`` for the whole report.

        ``settings.optimise: off`` changes nothing. A flow that cannot be compiled gets no further notes.
        """
        document = graph.document
        if document.settings.optimise == "off":
            return graph
        edges = {edge_id(e.source, e.source_port, e.target, e.target_port): e for e in document.edges}
        sources = {edge.source for edge in edges.values()}
        idle = {node.id for node in document.nodes if node.disabled and node.id not in sources}
        kept = [edge for edge in edges.values() if edge.target not in idle]
        nodes = [node for node in document.nodes if node.id not in idle]
        notes = []
        if repeated := len(document.edges) - len(edges):
            notes.append(f"left out {repeated} repeated connections")
        if idle:
            notes.append(f"left out {len(idle)} disabled nodes nothing hangs on")
        changed = document.model_copy(update={"nodes": nodes, "edges": kept})
        return ExecutionGraph(changed, (*graph.notes, *notes, *self._notes(changed)))

    def _notes(self, document: FlowDocument) -> list[str]:
        try:
            plan = compile_flow(document, self._library, optimised=False)
        except SageError:
            return []
        return [change["what"]["en"] for change in report_of(optimise(plan))["changes"]]

    def compile(self, graph: ExecutionGraph) -> ExecutableFlow:
        """Make it ready to run. Raises SageError when it cannot run."""
        return compile_flow(graph.document, self._library)


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """A compiled flow with its order: ``levels`` are groups of nodes that may run at once."""

    flow: ExecutableFlow
    levels: tuple[tuple[str, ...], ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def with_inputs(self, inputs: Mapping[str, Any]) -> ExecutionPlan:
        return replace(self, inputs=inputs)


class Scheduler:
    """Orders a compiled flow and runs it on the calling event loop."""

    def __init__(
        self,
        host: Host,
        *,
        threads: ThreadPoolExecutor,
        store: RunStore | None = None,
        clock: Clock | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self._options = options
        self._host = host
        self._threads = threads
        self._store = store
        self._clock = clock

    def schedule(self, flow: ExecutableFlow) -> ExecutionPlan:
        return ExecutionPlan(flow, tuple(tuple(level) for level in flow.levels()))

    async def execute(
        self, plan: ExecutionPlan, *, run_id: str | None = None, controls: Controls | None = None
    ) -> RunResult:
        """Run it to its end; see ``run_flow`` for what it raises."""
        return await run_flow(
            plan.flow,
            run_id=run_id or new_id(),
            inputs=typed_inputs(plan.flow.document, plan.inputs),
            store=self._store or MemoryRunStore(),
            host=self._host,
            threads=self._threads,
            controls=controls,
            clock=self._clock,
            options=self._options,
        )
