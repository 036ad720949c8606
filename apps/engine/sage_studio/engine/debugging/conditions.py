"""Whether a breakpoint is hit: its condition, its count, its log line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sage_studio.engine.debugging.commands import as_expression
from sage_studio.engine.debugging.state import ANY_NODE, Breakpoint, DebugState
from sage_studio.engine.debugging.visits import Visit
from sage_studio.engine.handing_over import settled_value
from sage_studio.expressions.handing import compile_handing_over
from sage_studio.kernel import SageError, json_object


@dataclass(frozen=True, slots=True)
class Hit:
    """A breakpoint that was met: ``log`` is the line to write instead of stopping; ``note`` says why a
    condition could not be computed (the run stops then, so that its author notices)."""

    log: str | None = None
    note: str = ""


async def breakpoint_met(state: DebugState, visit: Visit) -> Hit | None:
    """The hit of the visit's breakpoint, counted in ``state``; None without one, or when its condition
    is not true or its count not reached."""
    node_id = visit.place.node_id
    point = state.breakpoints.get((node_id, visit.phase)) or state.breakpoints.get((ANY_NODE, visit.phase))
    if point is None or not point.enabled:
        return None
    try:
        if point.condition.strip() and not await _value(as_expression(point.condition), visit):
            return None
    except SageError as error:
        return Hit(note=error.message())
    hits = state.hits[point.key] = state.hits.get(point.key, 0) + 1
    if hits < point.hit_count:
        return None
    return Hit(log=await _line(point, visit)) if point.log else Hit()


async def _line(point: Breakpoint, visit: Visit) -> str:
    try:
        return str(await _value(point.log, visit))
    except SageError as error:
        return error.message()


async def _value(text: str, visit: Visit) -> Any:
    template = compile_handing_over(text)
    roots = frozenset(read.split(".", 1)[0].split("[", 1)[0] for read in template.reads)
    scope: Mapping[str, Any] = {**visit.names(roots, visit.inputs), "inputs": visit.inputs}
    if visit.problem is not None:
        scope = {**scope, "error": json_object(visit.problem)}
    return await settled_value(template.evaluate(scope), text)
