"""Which node of a run runs where.

The flow's ``settings.executor`` is the rule for its nodes, a node's own ``executor`` overrides it:
``local`` (this process; nodes that compute in worker processes when there are any), ``process``,
``celery``, ``ray``, ``kubernetes``. Triggers, control nodes and containers steer the run and always stay
with it, as do nodes joined by streams, and those whose code another process could not import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.engine.executors.call import NodeCall, NodeExecutor, may_travel, origin_of
from sage_studio.engine.executors.errors import (
    EVICTED,
    JOB_LOST,
    NOT_MOVABLE,
    OUT_OF_MEMORY,
    PROCESS_ENDED,
    UNAVAILABLE,
)
from sage_studio.engine.plan import PipelinePlan, Plan, PlanNode
from sage_studio.flow.document import EXECUTORS
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Needs

LOCAL = "local"
PROCESS = "process"
CELERY = "celery"
RAY = "ray"
KUBERNETES = "kubernetes"
_NOT_HERE = ("it is not set up.", "尚未配置。")
# Whether the effect has happened when the place of a node is lost, nobody knows.
_LOST = (PROCESS_ENDED, EVICTED, OUT_OF_MEMORY, JOB_LOST)


class Executors:
    """The places a worker has to offer, by name; ``reasons`` say (in English and Chinese) why a place is
    missing. ``rule`` is for flows that leave it at ``local``. Shared by all runs of a worker."""

    def __init__(
        self,
        places: Mapping[str, NodeExecutor] | None = None,
        *,
        reasons: Mapping[str, tuple[str, str]] | None = None,
        rule: str = LOCAL,
    ) -> None:
        self._rule = rule
        self._places = dict(places or {})
        self._reasons = dict(reasons or {})

    def check(self, plan: Plan) -> None:
        """Raises SageError ``executor.unavailable`` or ``executor.not_movable`` when a node of the plan is
        to run where it cannot."""
        rule = plan.document.settings.executor
        self._check_place(rule)
        named = plan.kept.get("places")
        if named is None:
            nodes = list(plan.whole())
            pipelines = [node.pipeline for node in nodes if node.pipeline is not None]
            movers = [(node, node.executor) for node in nodes if node.executor and not node.disabled]
            named = plan.kept["places"] = pipelines, movers
        pipelines, movers = named
        for pipeline in pipelines:
            _check_pipeline(pipeline)
        for node, executor in movers:
            self._check_place(executor)
            _check_node(node)

    def spreads(self, rule: str) -> bool:
        """Whether nodes of a flow that says ``rule`` go elsewhere though nothing in them says so."""
        return self._rule != LOCAL or rule != LOCAL

    def place_of(self, node: PlanNode, rule: str) -> NodeExecutor | None:
        """Where a node runs when the flow says ``rule``; None is here."""
        spec = node.spec
        if spec is None or not may_travel(spec) or node.node_class is None:
            return None
        name = node.executor or (self._rule if rule == LOCAL else rule)
        if name == LOCAL:
            name = PROCESS if spec.cpu_bound else LOCAL
        place = self._places.get(name)
        if place is None or not origin_of(node.node_class):
            return None
        return place if node.executor or place.takes(spec) else None

    def place_for_chunks(self, rule: str) -> NodeExecutor | None:
        """Where iterations of a container may go together when the flow says ``rule``."""
        return self._places.get(self._rule if rule == LOCAL else rule)

    async def close(self) -> None:
        for place in self._places.values():
            await place.close()

    def _check_place(self, name: str) -> None:
        if name != LOCAL and name not in self._places:
            reason, reason_zh = self._reasons.get(name, _NOT_HERE)
            raise SageError(UNAVAILABLE, {"executor": name, "reason": reason, "reason_zh": reason_zh})


class ComputingElsewhere(Executors):
    """The places for what another worker's run has sent here: nodes that compute go to a process, and no
    node goes on to a third place, whatever its flow says."""

    def check(self, plan: Plan) -> None:
        """The run's own worker has done so."""

    def spreads(self, rule: str) -> bool:
        return True

    def place_of(self, node: PlanNode, rule: str) -> NodeExecutor | None:
        computes = node.spec is not None and (node.spec.cpu_bound or node.executor == PROCESS)
        here = node.node_class is not None and origin_of(node.node_class) is not None
        return self._places.get(PROCESS) if computes and here else None

    def place_for_chunks(self, rule: str) -> NodeExecutor | None:
        return None


assert {LOCAL, PROCESS, CELERY, RAY, KUBERNETES} == set(EXECUTORS)
NOWHERE = Executors()


def _check_node(node: PlanNode) -> None:
    if node.executor == LOCAL or node.spec is None or node.node_class is None:
        return
    if not may_travel(node.spec):
        reason = ("it steers the run.", "它控制运行的走向。")
    elif origin_of(node.node_class) is None:
        reason = ("its code cannot be loaded elsewhere.", "其代码无法在别处加载。")
    else:
        return
    facts = {"name": node.name or node.id, "executor": node.executor}
    raise SageError(NOT_MOVABLE, {**facts, "reason": reason[0], "reason_zh": reason[1]}, f"nodes.{node.id}")


def _check_pipeline(pipeline: PipelinePlan) -> None:
    """Nodes joined by streams hand each other items in one process: the run's."""
    for member in pipeline.members:
        node = member.node
        if node.executor not in (None, LOCAL):
            facts = {"name": node.name or node.id, "executor": node.executor}
            raise SageError(
                NOT_MOVABLE,
                {**facts, "reason": "it works on a stream.", "reason_zh": "它处理数据流。"},
                f"nodes.{node.id}",
            )


async def run_elsewhere(
    place: NodeExecutor, node: PlanNode, context: Context, inputs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Have ``place`` run a node's attempt. Where the place was lost with an effect that must not happen
    twice, trying again is a person's decision."""
    try:
        return await place.run(_call_of(node, context, inputs), context)
    except SageError as error:
        if node.is_at_most_once and error.code in _LOST:
            error.retryable = False
        raise


def _call_of(node: PlanNode, context: Context, inputs: Mapping[str, Any]) -> NodeCall:
    assert node.spec is not None
    assert node.node_class is not None
    return NodeCall(
        type=node.spec.id,
        version=node.spec.version,
        origin=origin_of(node.node_class) or "",
        config=context.config,
        inputs=inputs,
        run_id=context.run_id,
        flow_id=context.flow_id,
        node_id=context.node_id,
        iteration_path=context.iteration_path,
        attempt=context.attempt,
        idempotency_key=context.idempotency_key,
        timeout_s=node.timeout_s,
        at_most_once=node.is_at_most_once,
        is_cpu_bound=node.spec.cpu_bound,
        stream_ports=node.stream_ports,
        needs=node.needs or Needs(),
    )
