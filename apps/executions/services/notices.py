"""What people are told of runs."""

from __future__ import annotations

from apps.executions.models import Run
from apps.executions.selectors import localised
from apps.notifications.services import notify
from sage_studio.kernel import JsonObject, Text


def run_failure_tell(payload: JsonObject) -> None:
    """Handler of ``run.failed``: the person who started the run gets a notice, once. The failure of a
    child is its parent's to tell."""
    run = Run.objects.select_related("flow").filter(pk=str(payload["run_id"])).first()
    if run is None or run.created_by_id is None or run.parent_run_id is not None:
        return
    name, error = run.flow.name, run.error or {}
    notify(
        [run.created_by_id],
        kind="run.failed",
        title=Text(en=f"“{name}” failed (run {run.number})", zh=f"“{name}”运行失败（第 {run.number} 次）"),
        body=Text(
            en=str(localised(error, "en").get("message", "")),
            zh=str(localised(error, "zh").get("message", "")),
        ),
        link=f"/w/{run.workspace_id}/runs/{run.pk}",
        workspace_id=run.workspace_id,
        dedupe_key=f"run.failed:{run.pk}",
    )
