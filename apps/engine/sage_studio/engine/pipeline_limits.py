"""What a pipeline holds while it works: its members work together, so it takes everything at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sage_studio.engine.attempt import Limit
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.resources import NOTHING, ONE, Amount, Share

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope


def pipeline_limits(scope: Scope, nodes: Sequence[PlanNode]) -> list[Limit]:
    """The nodes' own limits by id, then as many places in the run as there are nodes, then the sum of what
    they need: always in this order, so that nobody waits for each other in a circle.

    Never more places or processors than there are: members share the run's loop anyway.
    """
    run = scope.run
    own = sorted((node.id, node.concurrency) for node in nodes if node.concurrency is not None)
    limits: list[Limit] = [run.find_limit(node_id, limit) for node_id, limit in own]
    priority = max(map(scope.priority_of, nodes))
    if run.slots is not None:
        places = min(len(nodes) * ONE.milli_cpu, run.slots.budget.milli_cpu)
        limits.append(Share(run.slots, Amount(places), priority))
    pool = run.options.resources
    if pool is not None:
        needs = needs_of(nodes, pool.budget.milli_cpu)
        if needs != NOTHING:
            limits.append(Share(pool, needs, priority))
    return limits


def needs_of(nodes: Sequence[PlanNode], most_milli_cpu: int) -> Amount:
    """What members need together. They work here, whatever their own way of running is."""
    total = NOTHING
    for node in nodes:
        if node.needs is not None:
            total = total.plus(Amount.of(node.needs))
    return total._replace(milli_cpu=min(total.milli_cpu, most_milli_cpu))


def wants_of_pipelines(plan: Plan, budget: Amount) -> Iterator[tuple[str, Amount]]:
    """What every pipeline of a plan, on all levels, takes together, by the names of its members."""
    for node in plan.whole():
        if node.pipeline is not None:
            nodes = [member.node for member in node.pipeline.members]
            yield " + ".join(one.name or one.id for one in nodes), needs_of(nodes, budget.milli_cpu)
