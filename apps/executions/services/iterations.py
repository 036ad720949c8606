"""Carrying a container that failed over into a redrive: its finished iterations stay finished.

The container's record goes over as *running*, so that the engine takes the same attempt up again; what
finished inside it answers from its records, what did not runs again.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from typing import NamedTuple

from django.db import connection

from apps.executions.models import NodeRun, Run
from apps.executions.selectors import rows_outside
from sage_studio.flow.document import FlowDocument

_SETTLED = ("completed", "skipped")
_ALWAYS = ("node_id", "iteration_path", "attempt", "started_at", "inputs", "waits", "outer_path")
_RESULTS = ("state", "finished_at", "outputs", "error", "ports", "resources")
_CHUNK = 500


class _Row(NamedTuple):
    """A record as far as it matters here."""

    pk: uuid.UUID
    node_id: str
    path: str
    attempt: int
    state: str
    outer_path: str | None


def containers_carry_over(run: Run, base: Run, document: FlowDocument, node_ids: Collection[str]) -> None:
    """Give ``run`` what is done inside these failed top-level containers of ``base``; inside the caller's
    transaction."""
    parents = {node.parent for node in document.nodes if node.parent}
    handled = {node.id for node in document.nodes if node.on_error in ("route", "continue")}
    whole: list[uuid.UUID] = []
    going_on: list[uuid.UUID] = []
    for node_id in node_ids:
        for row in _rows(base, node_id):
            is_handled = row.state == "failed" and row.node_id in handled
            if row.state in _SETTLED or (is_handled and row.outer_path is None):
                whole.append(row.pk)
            elif row.node_id in parents and row.outer_path is None:
                going_on.append(row.pk)
    _copy(run, whole, is_whole=True)
    _copy(run, going_on, is_whole=False)


def _rows(base: Run, container: str) -> Iterator[_Row]:
    """The newest records of a container and of what lies in its newest attempt, without what is inside
    of completed iterations."""
    found = rows_outside(base.pk, ("completed",))
    fields = found.values_list("pk", "node_id", "iteration_path", "attempt", "state", "outer_path")
    inside = fields.filter(iteration_path__startswith=f"{container}.")
    rows = [_Row(*values) for values in (*fields.filter(node_id=container, iteration_path=""), *inside)]
    newest: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.outer_path is None:
            place = (row.node_id, row.path)
            newest[place] = max(newest.get(place, 0), row.attempt)
    for row in rows:
        is_newest = row.outer_path is not None or newest[row.node_id, row.path] == row.attempt
        if is_newest and _is_of_newest(row.path, newest):
            yield row


def _is_of_newest(path: str, newest: dict[tuple[str, str], int]) -> bool:
    """Whether every container along the path is at the attempt the path names."""
    outer = ""
    for step in path.split("/") if path else ():
        node_id, _, rest = step.partition(".")
        attempt = int(rest.partition("@")[2])
        if newest.get((node_id, outer), attempt) != attempt:
            return False
        outer = f"{outer}/{step}" if outer else step
    return True


def _copy(run: Run, row_ids: list[uuid.UUID], *, is_whole: bool) -> None:
    new_id = "gen_random_uuid()" if connection.vendor == "postgresql" else "lower(hex(randomblob(16)))"
    columns = (*_ALWAYS, *(_RESULTS if is_whole else ("state",)))
    given = [f"n.{name}" for name in columns]
    if not is_whole:
        given[-1] = "'running'"
    with connection.cursor() as cursor:
        for start in range(0, len(row_ids), _CHUNK):
            chosen = NodeRun.objects.filter(pk__in=row_ids[start : start + _CHUNK]).values("pk")
            where, parameters = chosen.query.sql_with_params()
            statement = f"""
                INSERT INTO executions_noderun (id, run_id, {", ".join(columns)}, is_lost, is_reused)
                SELECT {new_id}, %s, {", ".join(given)}, FALSE, TRUE
                FROM executions_noderun AS n WHERE n.id IN ({where})
            """  # noqa: S608 - only our own words are put in
            cursor.execute(statement, [run.pk.hex, *parameters])
