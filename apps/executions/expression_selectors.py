"""What an expression may read of a run, for the value shown under a field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from apps.credentials.selectors import variable_list
from apps.executions.models import Run
from apps.executions.selectors import outputs_of
from apps.files.selectors import blob_get
from apps.workspaces.models import Workspace
from sage_studio.engine import iso
from sage_studio.expressions.handing import compile_handing_over
from sage_studio.kernel import SageError

MOST_BYTES = 2 << 20
"""Of a value in a blob; of what is longer only a preview could be read, which is no value."""
HIDDEN = "•••"


class Source(NamedTuple):
    """An output of a node."""

    node_id: str
    port: str


class Scope(NamedTuple):
    """``missing`` are the nodes an expression reads that gave nothing in the run, or too much of it."""

    values: Mapping[str, Any]
    missing: tuple[str, ...]


def expression_scope(
    workspace: Workspace, run: Run | None, text: str, *, inputs: Mapping[str, Source], item: Source | None
) -> Scope:
    """The values ``text`` reads, from the top level of ``run``; ``item`` is the first of a list it gave.

    Raises SageError ``expression.*`` for a text that cannot be read.
    """
    roots = {path.partition(".")[0] for path in compile_handing_over(text).reads}
    wired = [*inputs.values(), *([item] if item else [])]
    wanted = (roots - {"item", "index", "inputs", "flow", "run", "vars"}) | {one.node_id for one in wired}
    given = {} if run is None else outputs_of(run, wanted, "")
    outputs: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for node_id in sorted(wanted):
        found = {port: _read(workspace, value) for port, value in given.get(node_id, {}).items()}
        outputs[node_id] = {port: value for port, value in found.items() if value is not _TOO_LONG}
        if not found or len(outputs[node_id]) < len(found):
            missing.append(node_id)
    values: dict[str, Any] = {root: outputs[root] for root in roots if root in outputs}
    ports = {port: outputs[one.node_id].get(one.port) for port, one in inputs.items()}
    values["inputs"] = {port: value for port, value in ports.items() if value is not None}
    if item is not None:
        items = outputs[item.node_id].get(item.port)
        values |= {"item": items[0] if isinstance(items, list) and items else items, "index": 0}
    if "vars" in roots:
        values["vars"] = _variables(workspace, run)
    if run is not None:
        values["run"] = {
            "id": str(run.pk),
            "started_at": iso(run.started_at.timestamp()) if run.started_at else None,
        }
        values["flow"] = {"id": str(run.flow_id), "name": run.flow.name, "inputs": dict(run.inputs)}
    return Scope(values, tuple(missing))


_TOO_LONG = object()


def _read(workspace: Workspace, value: Any) -> Any:
    """A kept value; what lives in a blob is read when it is not too long."""
    if not (isinstance(value, dict) and isinstance(value.get("$blob"), str)):
        return value
    if value.get("mime") != "application/json" or int(value.get("size_bytes") or 0) > MOST_BYTES:
        return _TOO_LONG
    try:
        return json.loads(blob_get(workspace.pk, value["$blob"]))
    except (SageError, ValueError):
        return _TOO_LONG


def _variables(workspace: Workspace, run: Run | None) -> dict[str, Any]:
    """The flow's own, and the workspace's by name; a secret one shows that it is there."""
    shared = {one.name: HIDDEN if one.is_secret else one.value for one in variable_list(workspace)}
    own = run.definition.body.get("variables", {}) if run is not None else {}
    return {**shared, **own}
