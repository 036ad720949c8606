"""What a run is given and what a node is given: flow inputs, wired ports, expression scopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.engine.errors import INPUT_TYPE, MISSING_INPUT
from sage_studio.engine.plan import PlanNode
from sage_studio.flow import is_value_of
from sage_studio.flow.document import FlowDocument
from sage_studio.flow.firing import EVENT
from sage_studio.kernel import SageError

NOTHING: Mapping[str, Any] = {}
_ABSENT = object()
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def flow_inputs(document: FlowDocument, given: Mapping[str, Any]) -> dict[str, Any]:
    """The declared inputs with defaults filled in, and what fired the run; a flow that declares none takes
    what it gets.

    Raises SageError ``run.input_missing`` for a required one that is not given.
    """
    if not document.inputs:
        return dict(given)
    values: dict[str, Any] = {EVENT: given[EVENT]} if EVENT in given else {}
    for declared in document.inputs:
        value = given.get(declared.name, declared.default)
        if value is None and declared.required:
            raise SageError(
                MISSING_INPUT, {"name": declared.label or declared.name}, f"inputs.{declared.name}"
            )
        values[declared.name] = value
    return values


def typed_inputs(document: FlowDocument, given: Mapping[str, Any]) -> dict[str, Any]:
    """``flow_inputs`` for a run that is about to begin: each value is of its declared type.

    Raises SageError ``run.input_missing`` or ``run.input_type``.
    """
    values = flow_inputs(document, given)
    for declared in document.inputs:
        value = values[declared.name]
        if value is not None and not is_value_of(value, declared.type):
            facts = {
                "name": declared.label or declared.name,
                "expected": declared.type,
                "given": _KINDS.get(type(value), type(value).__name__),
            }
            raise SageError(INPUT_TYPE, dict(facts), f"inputs.{declared.name}")
    return values


def gather(
    node: PlanNode, ids: Sequence[str], outputs: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any] | None:
    """The values on a node's wired ports, or None when the node is to be skipped; ``ids`` and ``outputs``
    are those of the level's slots.

    Skipped is a node none of whose edges was taken, and one whose required input came from a
    port that was not taken, also when its other inputs were.
    """
    values: dict[str, Any] = {}
    for wired in node.inputs:
        if wired.multiple:
            taken = [
                (ids[source], produced[port])
                for source, port in wired.sources
                if (produced := outputs[source]) is not None and port in produced
            ]
            if taken:
                values[wired.port] = taken
            elif wired.required:
                return None
            continue
        source, port = wired.sources[0]
        produced = outputs[source]
        value = _ABSENT if produced is None else produced.get(port, _ABSENT)
        if value is not _ABSENT:
            values[wired.port] = value
        elif wired.required:
            return None
    if node.inputs and not values:
        return None
    return values


def passed_through(node: PlanNode, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a disabled node hands on: inputs of the same name, else its first single input on
    every output; None (skip) when nothing reached it or it has nothing to hand on, and for a trigger: what
    it would have begun with is another's."""
    if node.spec is None or node.is_trigger or not inputs:
        return None
    multiple = {wired.port for wired in node.inputs if wired.multiple}
    single = {port: value for port, value in inputs.items() if port not in multiple}
    if not single:
        single = {port: values[0][1] for port, values in inputs.items()}
    first = next(iter(single.values()))
    names = [port.name for port in node.spec.outputs if port.name != "error"]
    return {name: single.get(name, first) for name in names} or None
