"""Which level of a flow a node stands on, and what a connection between two levels orders.

The graph of each level is acyclic on its own. A connection that reaches into a container orders the
container; one between a container and its own child orders nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

Arc = tuple[str, str]


def containers_of(node_id: str, parents: Mapping[str, str | None]) -> list[str]:
    """The containers around a node, innermost first; ends where parents run in a ring."""
    found: list[str] = []
    seen = {node_id}
    at = parents.get(node_id)
    while at is not None and at in parents and at not in seen:
        found.append(at)
        seen.add(at)
        at = parents.get(at)
    return found


def lifted(source: str, target: str, parents: Mapping[str, str | None]) -> Arc | None:
    """The two nodes of one level that a connection puts in order: its ends, or the containers they are
    in; None between a container and what is inside it."""
    if parents.get(source) == parents.get(target):
        return (source, target)
    above_source, above_target = containers_of(source, parents), containers_of(target, parents)
    if source in above_target or target in above_source:
        return None
    standing = {parent: node for node, parent in _steps(source, above_source)}
    for node, parent in _steps(target, above_target):
        if parent in standing:
            return (standing[parent], node)
    return None


def _steps(node_id: str, above: list[str]) -> list[tuple[str, str | None]]:
    """(node, its container) from the node itself outwards."""
    chain = [node_id, *above]
    return list(zip(chain, [*above, None], strict=True))
