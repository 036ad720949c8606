"""What is recorded of a run, read back for whoever goes on with it: the fold of its rows.

A long run has many more rows than it needs to go on: what happened inside finished iterations, and the
answers of waits that are over, stay where they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from apps.executions.adapters.codec import GetBlob, decode
from apps.executions.models import NodeRun, Run, Signal
from apps.executions.selectors import rows_outside
from sage_studio.engine import NodeRecord, RunProgress, newest_attempts
from sage_studio.engine.records import FINAL_NODE_STATES, NodeKey
from sage_studio.kernel import Json

_CHUNK = 500


def load_progress(run_id: str, get_blob: GetBlob) -> RunProgress:
    """The fold of what is recorded of a run, big values fetched."""
    run = Run.objects.only("last_seq", "started_at").get(pk=run_id)
    nodes = newest_attempts(_record(row, get_blob) for row in rows_outside(run_id))
    return RunProgress(
        run.last_seq, _seconds(run.started_at), nodes, _signals(run_id, nodes, get_blob), _lost(run_id)
    )


def _record(row: NodeRun, get_blob: GetBlob) -> NodeRecord:
    return NodeRecord(
        node_id=row.node_id,
        iteration_path=row.iteration_path,
        attempt=row.attempt,
        state=row.state,  # type: ignore[arg-type]  # only our own writer fills the column
        started_at=_seconds(row.started_at),
        finished_at=_seconds(row.finished_at),
        outputs=_decoded(row.outputs, get_blob),
        error=row.error,
        ports=row.ports,
        waits=_decoded(row.waits, get_blob),
    )


def _decoded(values: Mapping[str, Any] | None, get_blob: GetBlob) -> dict[str, Any] | None:
    return None if values is None else {name: decode(value, get_blob) for name, value in values.items()}


def _lost(run_id: str) -> dict[NodeKey, int]:
    rows = NodeRun.objects.filter(run_id=run_id, is_lost=True)
    return dict(Counter(rows.values_list("node_id", "iteration_path")))


def _signals(run_id: str, nodes: Mapping[NodeKey, NodeRecord], get_blob: GetBlob) -> dict[str, Json]:
    """The signals a wait may still ask for: not those of nodes that are done."""
    open_keys: dict[int, NodeKey] = {}
    for pk, key in Signal.objects.filter(run_id=run_id).values_list("pk", "key"):
        node_id, path, _ = key.split("|", 2)
        held = nodes.get((node_id, path))
        if held is None or held.state not in FINAL_NODE_STATES:
            open_keys[pk] = (node_id, path)
    unknown = {place for place in open_keys.values() if place not in nodes and place[1]}
    folded = _recorded(run_id, unknown) if unknown else set()
    wanted = [pk for pk, place in open_keys.items() if place not in folded]
    found: dict[str, Json] = {}
    for start in range(0, len(wanted), _CHUNK):
        for signal in Signal.objects.filter(pk__in=wanted[start : start + _CHUNK]).select_related("child"):
            found[signal.key] = payload_of(signal, get_blob)
    return found


def _recorded(run_id: str, places: Iterable[NodeKey]) -> set[NodeKey]:
    """Those of the places that have a row, which then lies in a finished iteration."""
    paths = sorted({path for _, path in places})
    rows: set[NodeKey] = set()
    for start in range(0, len(paths), _CHUNK):
        some = NodeRun.objects.filter(run_id=run_id, iteration_path__in=paths[start : start + _CHUNK])
        rows.update(some.values_list("node_id", "iteration_path"))
    return rows


def payload_of(signal: Signal, get_blob: GetBlob) -> Json:
    """What was delivered; for the end of a child run, how it ended and what it gave."""
    child = signal.child
    if child is None:
        return cast(Json, signal.payload)
    return {
        "run_id": str(child.pk),
        "state": child.state,
        "outputs": _decoded(child.outputs or {}, get_blob),
        "error": child.error,
        "reason": child.reason,
    }


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
