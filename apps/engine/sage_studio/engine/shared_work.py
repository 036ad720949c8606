"""Work that is done once for several nodes, as the optimiser's hints say (``optimise.sharing``).

A twin takes over what its leader gave. A node whose outcome is the same in every turn of its container
takes over what the first turn that needs it gives; turns at work at once wait for that one. Each is
recorded as completed with ``shared_with`` in its event. Where the other one did not complete, a node
does its own work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sage_studio.engine.plan import PlanNode

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope


class Given(NamedTuple):
    """What a turn gave, and the turn's iteration path."""

    outputs: Mapping[str, Any]
    path: str


Turns = dict[str, "asyncio.Future[Given | None]"]
"""By node id: what the first turn gives, for one attempt of one container."""


async def take_over(scope: Scope, node: PlanNode, inputs: Mapping[str, Any]) -> bool:
    """Settle a node without its own work, where that can be; False when it has to work itself."""
    hints = scope.plan.hints
    if hints is None or scope.run.debugger is not None:
        return False
    if node.index in hints.unread:
        scope.skip(node, "unread")
        return True
    if node.index in hints.twin_of:
        return await _like_twin(scope, node, scope.plan.nodes[hints.twin_of[node.index]])
    if scope.turns is not None and node.index in hints.invariant:
        return await _like_first_turn(scope, node, inputs, scope.turns)
    return False


async def _like_twin(scope: Scope, node: PlanNode, leader: PlanNode) -> bool:
    record = scope.records.get(leader.id)
    outputs = scope.outputs[leader.index]
    if record is None or record.state != "completed" or outputs is None:
        return False
    await _complete(scope, node, outputs, leader.id)
    return True


async def _like_first_turn(scope: Scope, node: PlanNode, inputs: Mapping[str, Any], turns: Turns) -> bool:
    pending = turns.get(node.id)
    while pending is not None:
        given = await scope.rest(asyncio.shield(pending))
        if scope.is_stopping:
            return True
        if given is not None:
            await _complete(scope, node, given.outputs, given.path)
            return True
        pending = turns.get(node.id)
    mine = turns[node.id] = asyncio.get_running_loop().create_future()
    try:
        await scope.work(node, inputs)
    finally:
        record = scope.records.get(node.id)
        outputs = scope.outputs[node.index]
        if record is not None and record.state == "completed" and outputs is not None:
            mine.set_result(Given(outputs, scope.path))
        else:
            # The next turn tries for itself.
            del turns[node.id]
            mine.set_result(None)
    return True


async def _complete(scope: Scope, node: PlanNode, outputs: Mapping[str, Any], other: str) -> None:
    held = scope.records.get(node.id)
    number = held.attempt + 1 if held else 1
    await scope.complete(node, number, scope.run.now(), outputs, {"shared_with": other})
