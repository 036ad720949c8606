"""A run and the runs it started, and those they started: found and locked as one."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from apps.common.db import as_id, fetch_one, read_id
from apps.executions.models import Run

# Runs below one run that have not ended, at any moment. Depth is bounded too (``types.MAX_DEPTH``), but a
# flow that starts ten of itself would reach the sixteenth level with more rows than any disk holds.
MAX_LIVE_DESCENDANTS = 2_000
_LIVE = "state IN ('ready', 'running', 'paused')"
_BELOW = f"""
    WITH RECURSIVE below(id) AS (
        SELECT id FROM executions_run WHERE parent_run_id = %s AND {_LIVE}
        UNION ALL
        SELECT r.id FROM executions_run AS r JOIN below AS b ON r.parent_run_id = b.id WHERE r.{_LIVE}
    )
"""  # noqa: S608 - only our own constants are put in
_ROOT = """
    WITH RECURSIVE above(id, parent_run_id) AS (
        SELECT id, parent_run_id FROM executions_run WHERE id = %s
        UNION ALL
        SELECT r.id, r.parent_run_id FROM executions_run AS r JOIN above AS a ON r.id = a.parent_run_id
    )
    SELECT id FROM above WHERE parent_run_id IS NULL
"""


def descendants(run_id: uuid.UUID) -> QuerySet[Run]:
    """Runs below this one that have not ended, parents first."""
    return Run.objects.filter(pk__in=_below(run_id)).order_by("depth", "created_at")


def _below(run_id: uuid.UUID) -> RawSQL:
    return RawSQL(f"{_BELOW} SELECT id FROM below", [as_id(run_id)])  # noqa: S611, S608 - only our own constants


def family_lock(run_id: uuid.UUID) -> None:
    """Lock a run and those below it in the order in which workers lock the runs they write, so that
    nobody waits in a circle."""
    family = Run.objects.select_for_update(no_key=True).filter(Q(pk=run_id) | Q(pk__in=_below(run_id)))
    list(family.order_by("pk").values_list("pk", flat=True))


def has_room_below(run_id: uuid.UUID) -> bool:
    """Whether the family this run belongs to may grow. Two who ask at once may both hear yes."""
    limit = family_limit()
    root = fetch_one(_ROOT, [as_id(run_id)])
    if root is None:
        return True
    statement = f"{_BELOW} SELECT COUNT(*) FROM (SELECT 1 FROM below LIMIT %s) AS found"  # noqa: S608 - see above
    count = fetch_one(statement, [as_id(read_id(root[0])), limit])
    return count is None or count[0] < limit


def family_limit() -> int:
    return int(getattr(settings, "RUN_MAX_DESCENDANTS", MAX_LIVE_DESCENDANTS))
