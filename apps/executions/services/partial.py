"""Runs that are debugged, and runs of a part of a flow on the records of an earlier run.

Values a person gives for one node are part of ``Run.part``; the worker puts them in (``adapters``)."""

from __future__ import annotations

import json
import uuid

from apps.accounts.models import Person
from apps.catalogue.selectors import registry
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.executions import errors
from apps.executions.models import NodeRun, Run
from apps.executions.services.accept import MAX_INPUT_BYTES, add_run, check_runnable, checked_inputs
from apps.executions.services.redrive import records_copy
from apps.executions.types import Trigger
from apps.flows.models import Definition, Flow
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine import typed_inputs
from sage_studio.engine.partial import PART_NO_DATA, Part, PartialFlow, can_stand, part_of
from sage_studio.flow import parse_plain
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.registry import NodeRegistry


def part_cut(document: FlowDocument, part: Part, types: NodeRegistry) -> PartialFlow:
    """The part of a flow, with the ports of its node types. Raises SageError ``run.part_no_node``."""
    specs = {spec.id: spec for spec in types.specs()}
    return part_of(document, part, specs)


def run_begin(
    *,
    person: Person,
    flow: Flow,
    definition: Definition,
    inputs: JsonObject | None,
    trigger: Trigger,
    version: int | None = None,
    debug: JsonObject | None = None,
    part: Part | None = None,
    data_of_run: uuid.UUID | None = None,
    retry_of: uuid.UUID | None = None,
) -> Run:
    """Promise a run with a debug session (``debug``, see ``debug_setup``), or of a ``part``, on the
    recorded data of another run of the flow; without ``inputs`` it gets that run's.

    Raises Forbidden or NotFound, and SageError as ``run_accept`` does, ``run.part_no_node``, or
    ``run.part_no_data`` when a node has no usable record.
    """
    data_run = None if data_of_run is None else _data_run(flow, data_of_run)
    given = inputs if inputs is not None else dict(data_run.inputs) if data_run else {}
    chosen: PartialFlow | None = None
    types = registry(flow.workspace_id)
    if part is None:
        given = checked_inputs(definition, given, types)
    else:
        chosen = part_cut(parse_plain(definition.body), part, types)
        given = _part_inputs(chosen, part, given, types)
    with write_transaction():
        require(person, flow.workspace_id, Action.RUN_START)
        run = add_run(
            Run(
                workspace_id=flow.workspace_id,
                flow=flow,
                definition=definition,
                trigger=trigger.value,
                version=version,
                retry_of=retry_of,
                inputs=given,
                debug=debug,
                part=None if part is None else part.to_json(),
                created_by=person,
            )
        )
        if chosen is not None:
            _take_over(run, chosen, data_run)
        failpoints.hit("run.accept")
    failpoints.hit("run.accepted")
    return run


def _part_inputs(chosen: PartialFlow, part: Part, inputs: JsonObject, types: NodeRegistry) -> JsonObject:
    """The inputs of a part that can run; one node alone needs none of the flow's. What a person gave
    comes over connections that no flow could draw, so those are not looked at."""
    size = len(json.dumps(inputs)) + len(json.dumps(dict(part.inputs)))
    if size > MAX_INPUT_BYTES:
        raise SageError(errors.INPUTS_TOO_LARGE, {"limit_bytes": MAX_INPUT_BYTES}, path="inputs")
    check_runnable(chosen.document, types, ignored="edges" if part.only_node else None)
    return inputs if part.only_node else typed_inputs(chosen.document, inputs)


def _data_run(flow: Flow, run_id: uuid.UUID) -> Run:
    """The run whose recorded data is wanted; one of the same flow. Raises NotFound."""
    run = Run.objects.filter(pk=run_id, workspace_id=flow.workspace_id, flow=flow).first()
    if run is None:
        raise NotFound
    return run


def _take_over(run: Run, flow: PartialFlow, data_run: Run | None) -> None:
    """Copy what stands for nodes that are not to run, in the caller's transaction.

    Raises SageError ``run.part_no_data`` when a node has no usable record.
    """
    on_error = {node.id: node.on_error for node in flow.document.nodes}
    newest: dict[str, str] = {}
    if data_run is not None:
        rows = NodeRun.objects.filter(run=data_run, iteration_path="", node_id__in=flow.taken_over)
        newest = dict(rows.order_by("attempt").values_list("node_id", "state"))
    usable = {node_id for node_id, state in newest.items() if can_stand(state, on_error[node_id])}
    if missing := sorted(flow.needed - usable):
        raise SageError(PART_NO_DATA, {"nodes": ", ".join(missing)})
    if data_run is not None and usable:
        records_copy(run, data_run, usable)
