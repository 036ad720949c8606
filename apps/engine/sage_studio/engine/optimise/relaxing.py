"""Connections that carry only an order, taken away where nothing can tell the difference.

The value on such a connection is read by nobody (``facts.order_only_inputs``). Both ends are free of
effects, and the first is certain to complete, so the second is neither skipped nor run differently
without it. What has effects keeps its drawn place: whatever has effects before the first end stays
before the second, whatever has effects behind the second stays behind the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set as AbstractSet
from dataclasses import dataclass, field

from sage_studio.engine.optimise.facts import (
    certain_nodes,
    is_effect_free,
    is_served,
    named_nodes,
    order_only_inputs,
)
from sage_studio.engine.plan import Plan, PlanInput, PlanNode
from sage_studio.kernel import Text

MOST_LOOKED_AT, MOST_WAITS = 256, 32
"""Where keeping the effects in place would take more than this, the connection stays as drawn."""

HAS_EFFECTS = Text(
    en="“{node}” has effects outside the flow, so its place in the order stays as drawn.",
    zh="“{node}” 会产生流程外的效果，因此保持所画的顺序。",
)
MAY_BE_SKIPPED = Text(
    en="“{node}” may be skipped or fail without ending the run; what follows it must wait to know.",
    zh="“{node}” 可能被跳过，或失败后运行仍继续；其后的节点必须等待结果。",
)
OTHER_INPUTS = Text(
    en="Whether “{node}” runs at all depends on its other connections and on this one together.",
    zh="“{node}” 是否运行取决于其他连线与这条连线共同的结果。",
)
TOO_WIDE = Text(
    en="Too many nodes with effects hang on it; keeping them all in place would cost more than it saves.",
    zh="与之相关且带有效果的节点过多，维持它们的顺序得不偿失。",
)


@dataclass(slots=True)
class Relaxed:
    """``gone`` maps a node to its inputs it no longer waits for; ``waits`` are pairs (first, then) that
    keep effects in place; ``kept`` says of other order-only connections why they stay."""

    gone: dict[int, list[PlanInput]] = field(default_factory=dict)
    waits: set[tuple[int, int]] = field(default_factory=set)
    kept: list[tuple[int, int, Text, str]] = field(default_factory=list)


def relax(plan: Plan, before: Sequence[Sequence[int]]) -> Relaxed:
    """Find the connections of one level that only order nodes without effects."""
    found = Relaxed()
    certain: AbstractSet[int] | None = None
    for node in plan.nodes:
        unread = order_only_inputs(node)
        if not unread:
            continue
        if certain is None:
            certain = certain_nodes(plan, before)
        for wired in unread:
            _consider(plan, node, wired, before=before, certain=certain, found=found)
    return found


def _consider(
    plan: Plan,
    node: PlanNode,
    wired: PlanInput,
    *,
    before: Sequence[Sequence[int]],
    certain: AbstractSet[int],
    found: Relaxed,
) -> None:
    source = wired.sources[0][0]
    waits: set[tuple[int, int]] = set()
    reason = _obstacle(plan, node, wired, certain)
    if reason is None:
        for slot, _ in wired.sources:
            kept_in_place = _effects_in_place(plan, slot, node.index, before)
            if kept_in_place is None:
                reason = (TOO_WIDE, node.id)
                break
            waits |= kept_in_place
    if reason is None:
        found.gone.setdefault(node.index, []).append(wired)
        found.waits |= waits
    elif source < len(plan.nodes):
        found.kept.append((source, node.index, *reason))


def _obstacle(
    plan: Plan, node: PlanNode, wired: PlanInput, certain: AbstractSet[int]
) -> tuple[Text, str] | None:
    """Why this connection has to stay, if it does."""
    nodes = plan.nodes
    if not is_effect_free(node):
        return HAS_EFFECTS, node.id
    for slot, _ in wired.sources:
        if slot >= len(nodes):
            return MAY_BE_SKIPPED, plan.imports[slot - len(nodes)]
        if not is_effect_free(nodes[slot]):
            return HAS_EFFECTS, nodes[slot].id
    if not is_served(wired, certain, nodes):
        return MAY_BE_SKIPPED, nodes[wired.sources[0][0]].id
    if any(other is not wired and not is_served(other, certain, nodes) for other in node.inputs):
        return OTHER_INPUTS, node.id
    return None


def _effects_in_place(
    plan: Plan, source: int, target: int, before: Sequence[Sequence[int]]
) -> set[tuple[int, int]] | None:
    """The waits that keep effects where they were drawn, or None when they are too many."""
    earlier = _nearest_with_effects(plan, before[source], before.__getitem__)
    nodes = plan.nodes
    later = _nearest_with_effects(plan, nodes[target].successors, lambda slot: nodes[slot].successors)
    if earlier is None or later is None:
        return None
    return {(first, target) for first in earlier} | {(source, then) for then in later}


def _nearest_with_effects(
    plan: Plan, start: Sequence[int], onward: Callable[[int], Sequence[int]]
) -> set[int] | None:
    """The first nodes with effects on every way from ``start``."""
    found: set[int] = set()
    seen = set(start)
    todo = list(start)
    while todo:
        slot = todo.pop()
        if not is_effect_free(plan.nodes[slot]):
            found.add(slot)
            continue
        for further in onward(slot):
            if further not in seen:
                seen.add(further)
                todo.append(further)
        if len(seen) > MOST_LOOKED_AT or len(found) > MOST_WAITS:
            return None
    return found


def still_waited_for(plan: Plan, node: PlanNode, gone: Sequence[PlanInput]) -> set[int]:
    """The nodes of the level that a node waits for once the given inputs are gone."""
    wired = {source for one in node.inputs if one not in gone for source, _ in one.sources}
    return {slot for slot in wired | named_nodes(node, plan) if slot < len(plan.nodes)}
