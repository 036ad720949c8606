"""What is known for certain about the nodes of one level: the grounds every change rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set as AbstractSet
from functools import lru_cache

from sage_studio.engine.bindings import RESERVED_ROOTS
from sage_studio.engine.plan import Plan, PlanInput, PlanNode
from sage_studio.sdk import Node

_INPUT = re.compile(r"inputs\.([A-Za-z_]\w*)", re.ASCII)


def is_effect_free(node: PlanNode) -> bool:
    """Whether nothing outside the run can tell that the node ran, nor in which order."""
    return node.effect == "pure" and node.body is None


def is_repeatable(node: PlanNode) -> bool:
    """Whether equal settings and inputs give equal outputs, however often it runs, and it does run. What is
    handed over to JavaScript may ask for the time or for chance."""
    runs = not node.disabled and node.pinned is None and not node.stream_ports and not node.is_joined
    binding = node.binding
    hands_over = bool(binding.handed) or any(item.hands_over for item in binding.per_item)
    return runs and not hands_over and is_effect_free(node) and node.is_deterministic


def input_reads(node: PlanNode) -> frozenset[str] | None:
    """The input ports the node's expressions read, or None when they may read any."""
    ports = set()
    for path in node.binding.reads:
        if path != "inputs" and not path.startswith(("inputs.", "inputs[")):
            continue
        found = _INPUT.match(path)
        if found is None:
            return None
        ports.add(found[1])
    return frozenset(ports)


def named_nodes(node: PlanNode, plan: Plan) -> set[int]:
    """Slots of the nodes (and imports) that the node's expressions name."""
    return {
        plan.index[root] for root in node.binding.roots if root in plan.index and root not in RESERVED_ROOTS
    }


def order_only_inputs(node: PlanNode) -> list[PlanInput]:
    """Wired inputs whose value neither the node's code nor an expression ever reads. A disabled node
    hands its inputs on, so it reads them all."""
    if not node.inputs or node.node_class is None or node.body is not None or node.disabled or node.is_joined:
        return []
    unread = _unread_ports(node.node_class)
    wired = [one for one in node.inputs if one.port in unread] if unread else []
    if not wired:
        return []
    read = input_reads(node)
    return [] if read is None else [one for one in wired if one.port not in read]


@lru_cache(maxsize=1024)
def _unread_ports(node_class: type[Node]) -> frozenset[str]:
    return frozenset(port.name for port in node_class.spec.inputs if port.use == "expressions")


def given_for_certain(node: PlanNode) -> frozenset[str]:
    """The output ports that are given whenever the node completes."""
    if node.pinned is not None:
        return frozenset(node.pinned)
    if node.spec is None or not node.spec.gives_all or node.disabled:
        return frozenset()
    return frozenset(port.name for port in node.spec.outputs)


def certain_nodes(plan: Plan, before: Sequence[Sequence[int]]) -> frozenset[int]:
    """Nodes that complete in every run that completes: they cannot be skipped, and their failure is
    the failure of the run.

    Only on the top level of a flow that ends with the first failure: elsewhere a failure may be
    caught, and more or fewer nodes run.
    """
    certain: set[int] = set()
    if plan.container is None and plan.document.settings.on_error == "fail":
        for slot in plan.order:
            node = plan.nodes[slot]
            ends_run = node.on_error == "fail" and not node.disabled
            follows = ends_run and certain.issuperset(before[slot])
            if follows and all(is_served(one, certain, plan.nodes) for one in node.inputs):
                certain.add(slot)
    return frozenset(certain)


def is_served(wired: PlanInput, certain: AbstractSet[int], nodes: Sequence[PlanNode]) -> bool:
    """Whether every connection of this input brings a value in every run."""
    return all(
        source in certain and port in given_for_certain(nodes[source]) for source, port in wired.sources
    )
