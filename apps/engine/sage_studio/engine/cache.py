"""Outputs of pure nodes kept by what went in: the same type, version, settings and inputs give the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sage_studio.engine.plan import PlanNode

if TYPE_CHECKING:
    from sage_studio.engine.run import ActiveRun


async def cached_outputs(
    run: ActiveRun, node: PlanNode, config: Mapping[str, Any], inputs: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """What this node gave before, or None; never for nodes with effects and values that have no JSON."""
    key = cache_key(node, config, inputs)
    return None if key is None or run.host.cache is None else await run.host.cache.get(key)


async def remember_outputs(
    run: ActiveRun,
    node: PlanNode,
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> None:
    """Outputs with a secret in them are not kept: blotted they would not be what the node gave."""
    key = cache_key(node, config, inputs)
    if key is not None and run.host.cache is not None and run.masks.value(dict(outputs)) == outputs:
        await run.host.cache.put(key, outputs)


def cache_key(node: PlanNode, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> str | None:
    """SHA-256 over type, version, settings and inputs; None where that says too little: a node with
    effects, a container, a field evaluated per item (its text counts, its surroundings do not)."""
    if node.effect != "pure" or node.body is not None or node.binding.per_item or node.spec is None:
        return None
    try:
        text = json.dumps(
            [node.type, node.spec.version, dict(config), dict(inputs)], sort_keys=True, allow_nan=False
        )
    except (TypeError, ValueError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()
