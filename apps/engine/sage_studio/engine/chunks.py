"""Iterations of one container that another worker runs together, and hands in together.

A *chunk* is some iterations of a container whose turns are independent of each other (``map_each``) and
whose body may be repeated. The other worker runs them one after another, exactly as they would run here,
and answers their values, records and events; the run takes all of them up at once. So until it is handed in
nothing of a chunk is settled, and whoever takes it over begins it anew. Where a chunk turns out to be
something only the run itself can do (it waits, it stops the run, its values cannot travel) the answer is that
it is *declined*, and the run does it here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from sage_studio.engine.executors.call import NodeExecutor, origin_of
from sage_studio.engine.plan import BodyPlan, Plan, PlanNode
from sage_studio.engine.records import Event, NodeRecord
from sage_studio.kernel import Problem
from sage_studio.sdk import BodyFailed, BodyResult, Context, Needs

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope

COST = "node_cost"
# Every one that works on a container's iterations gets about so many chunks, so that none waits long for
# the last, and no chunk has more iterations than this.
CHUNKS_EACH = 4
MAX_CHUNK = 500
# These end or hold up more than themselves; everything else a body is made of may go elsewhere with it.
_STEERING = frozenset({"stop", "wait", "sub_flow"})
_ANYWHERE = frozenset({None, "celery", "process"})

Round = tuple[int, Mapping[str, Any]]
"""The number of an iteration, and what its container gives it."""


@dataclass(frozen=True, slots=True)
class ChunkCall:
    """Some iterations of one attempt of a container, described so that they can travel.

    ``path`` is the level the container stands in, ``names`` are what expressions see there (``flow``,
    ``run``, ``vars``, ``item``, ``index``), ``imports`` what nodes of outer levels gave that the body reads.
    With ``stops_at_failure`` nothing runs after the first iteration that failed.
    """

    run_id: str
    flow_id: str
    container: str
    path: str
    attempt: int
    started_at: float
    names: Mapping[str, Any]
    imports: Mapping[str, Mapping[str, Any]]
    rounds: Sequence[Round]
    stops_at_failure: bool
    needs: Needs = field(default_factory=Needs)
    is_cpu_bound: bool = False

    @property
    def title(self) -> str:
        """The iterations, as a path that no iteration has."""
        step = f"{self.container}.{self.rounds[0][0]}-{self.rounds[-1][0]}@{self.attempt}"
        return f"{self.path}/{step}" if self.path else step


class End(NamedTuple):
    """How one iteration ended: with a value and the container's fields, or with a problem."""

    value: Any
    fields: Mapping[str, Any]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """What came of a chunk: its iterations in order, and what the run is to put on record. One that
    ``is_declined`` is the run's to do; it tells nothing but what was spent."""

    ends: Sequence[End] = ()
    records: Sequence[NodeRecord] = ()
    events: Sequence[Event] = ()
    is_declined: bool = False

    def declined(self) -> ChunkAnswer:
        """The answer that the run is to do it itself; what was paid is paid."""
        return ChunkAnswer(events=[event for event in self.events if event.type == COST], is_declined=True)


DECLINED = ChunkAnswer(is_declined=True)


class ChunkPlace(NodeExecutor, Protocol):
    """A place where whole chunks run."""

    async def run_chunk(self, call: ChunkCall, context: Context) -> ChunkAnswer:
        """As ``run`` does with a node. Raises ``executor.*`` errors about the place alone: what fails in a
        chunk is part of its answer."""
        ...


def is_chunk_place(place: NodeExecutor | None) -> bool:
    """Whether the place takes chunks."""
    return callable(getattr(place, "run_chunk", None))


# Whether, and how many


@dataclass(frozen=True, slots=True)
class Bulk:
    """What is known of a body from its plan: whether it may go elsewhere, whether that is worth it, and the
    most any of its nodes asks for."""

    may_go: bool
    is_heavy: bool
    needs: Needs
    is_cpu_bound: bool


def bulk_of(body: BodyPlan, place: NodeExecutor) -> Bulk:
    """Looked up once per plan."""
    plan = next(iter(body.sections.values()))
    known: Bulk | None = plan.kept.get("bulk")
    if known is None:
        nodes = [node for node in plan.whole() if not node.disabled and node.pinned is None]
        asked = [node.needs for node in nodes if node.needs is not None]
        known = plan.kept["bulk"] = Bulk(
            may_go=len(body.sections) == 1 and all(map(_may_go, nodes)),
            is_heavy=any(_is_heavy(node, place) for node in nodes),
            needs=Needs(
                cpu=max((one.cpu for one in asked), default=0),
                memory_mb=max((one.memory_mb for one in asked), default=0),
                gpu=max((one.gpu for one in asked), default=0),
            ),
            is_cpu_bound=any(node.spec is not None and node.spec.cpu_bound for node in nodes),
        )
    return known


def _may_go(node: PlanNode) -> bool:
    """Whether the node may run in a chunk: nobody is harmed when it runs again, and nothing it needs is
    with the run alone."""
    if node.is_at_most_once or node.is_joined or node.pipeline is not None or node.concurrency is not None:
        return False
    if node.type in _STEERING or node.executor not in _ANYWHERE or node.node_class is None:
        return False
    return origin_of(node.node_class) is not None


def _is_heavy(node: PlanNode, place: NodeExecutor) -> bool:
    travels = node.spec is not None and node.spec.category != "control" and node.body is None
    return travels and node.spec is not None and place.takes(node.spec)


async def chunk_place(scope: Scope, node: PlanNode) -> ChunkPlace | None:
    """Where chunks of this container may go; None when its iterations are to run here. What counts over all
    iterations (a limit, a budget, a debug session) keeps them here."""
    run, body = scope.run, node.body
    executors, settings = run.options.executors, run.plan.document.settings
    if executors is None or body is None or run.debugger is not None or run.slots is not None:
        return None
    place = executors.place_for_chunks(settings.executor)
    if place is None or not is_chunk_place(place) or not bulk_of(body, place).may_go:
        return None
    if settings.budget is not None or await run.spending.left() is not None:
        return None
    return cast(ChunkPlace, place)


def chunk_size(bulk: Bulk, count: int, at_once: int, wished: int) -> int:
    """How many of ``count`` iterations go together, 0 for none: as wished, else so many that everyone who
    works on them gets several chunks, where the work is heavy. It follows from the flow and its data alone,
    so that whoever takes the run over cuts the same chunks."""
    if wished:
        return min(wished, MAX_CHUNK)
    size = min(count // (CHUNKS_EACH * max(at_once, 1)), MAX_CHUNK)
    return size if bulk.is_heavy and size > 1 else 0


# The run's side


def call_of(
    scope: Scope, node: PlanNode, attempt: int, rounds: Sequence[Round], *, bulk: Bulk, stops_at_failure: bool
) -> ChunkCall:
    """The chunk as the other worker needs it."""
    body = node.body
    assert body is not None
    (plan,) = body.sections.values()
    given = {name: scope.outputs_of(name) for name in plan.imports if name != node.id}
    seen = ("flow", "run", "vars", "item", "index")
    return ChunkCall(
        run_id=scope.run.run_id,
        flow_id=scope.run.flow_id,
        container=node.id,
        path=scope.path,
        attempt=attempt,
        started_at=scope.run.started_at,
        names={name: scope.names[name] for name in seen if name in scope.names},
        imports={name: outputs for name, outputs in given.items() if outputs is not None},
        rounds=rounds,
        stops_at_failure=stops_at_failure,
        needs=bulk.needs,
        is_cpu_bound=bulk.is_cpu_bound,
    )


def take_up(scope: Scope, answer: ChunkAnswer) -> list[BodyResult | BodyFailed]:
    """Put an answer on record, all of it in one batch, and give its results."""
    run = scope.run
    for event in answer.events:
        data = event.data
        if event.type == COST:
            is_counted = run.spending.note(cast(int, data["micros"]), str(data["currency"]))
            data = {**data, "counted": is_counted}
        run.journal.event(event.type, event.at, event.node_id, event.attempt, data, event.iteration_path)
    for record in answer.records:
        run.journal.node(record)
    return [
        BodyResult(end.value, end.fields) if end.problem is None else BodyFailed(end.problem)
        for end in answer.ends
    ]


def level_of(plan: Plan, container: str) -> tuple[Plan, PlanNode] | None:
    """The level a container stands in, and the container."""
    for node in plan.nodes:
        if node.id == container:
            return plan, node
        for section in node.body.sections.values() if node.body is not None else ():
            if (found := level_of(section, container)) is not None:
                return found
    return None
