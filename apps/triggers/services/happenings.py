"""What happens inside the product and starts flows: other runs that end, files that arrive."""

from __future__ import annotations

import uuid
from fnmatch import fnmatchcase
from typing import Any

import structlog
from django.core.cache import cache

from apps.executions.models import Run
from apps.files.models import File
from apps.triggers import errors, selectors
from apps.triggers.models import Trigger
from apps.triggers.services.firing import trigger_fire
from apps.triggers.services.refusing import refusal_note
from apps.triggers.types import MAX_CHAIN, MAX_FOLLOWERS, MAX_KEY_LENGTH, Kind
from apps.triggers.values import values_read
from sage_studio.flow.firing import event_of
from sage_studio.kernel import JsonObject, SageError

logger = structlog.get_logger(__name__)
_FOLLOWERS = "trigger-followers:"
_REMEMBERED_S = 86_400
_WANTED = {"failed": {"failed"}, "completed": {"completed"}, "ended": {"failed", "completed", "cancelled"}}


def run_ended(payload: JsonObject) -> None:
    """Handler of ``run.finished``: start the flows that wait for it. A flow never starts itself, children
    are their parents' affair, and a chain of such starts ends after ``MAX_CHAIN``."""
    run = Run.objects.select_related("flow").filter(pk=str(payload["run_id"])).first()
    if run is None or run.parent_run_id is not None or run.part is not None:
        return
    for trigger in _registered(run.workspace_id, Kind.FLOW_EVENT):
        if trigger.flow_id == run.flow_id:
            continue
        live = _live(trigger)
        if live is None or run.state not in _WANTED.get(str(live.config["when"]), ()):
            continue
        if live.config["flow"] and live.config["flow"] not in {str(run.flow_id), run.flow.name}:
            continue
        chain, root = _descent(run)
        if chain >= MAX_CHAIN:
            refusal_note(trigger, SageError(errors.CHAIN, {"most": MAX_CHAIN}))
        elif _followers(root) >= MAX_FOLLOWERS:
            refusal_note(trigger, SageError(errors.CROWD, {"most": MAX_FOLLOWERS}))
        else:
            _fire(live, _of_run(run), f"run:{run.pk}", chain=chain + 1, root=root)


def _descent(run: Run) -> tuple[int, str]:
    """How many runs followed from one another up to this one, and the first of them; a run that a person
    starts may say anything."""
    event = event_of(run.inputs)
    chain, root = event.get("chain"), event.get("root")
    if type(chain) is not int or chain <= 0 or not isinstance(root, str):
        return 0, str(run.pk)
    return chain, root[:MAX_KEY_LENGTH]


def _followers(root: str) -> int:
    """How many runs have followed from one, near enough: two at once may be counted as one."""
    return int(cache.get(_FOLLOWERS + root, 0))


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "run": {
            "id": str(run.pk),
            "number": run.number,
            "state": run.state,
            "flow_id": str(run.flow_id),
            "flow_name": run.flow.name,
        },
        "outputs": values_read(run.workspace_id, run.outputs),
        "error": run.error,
    }


def file_uploaded(payload: JsonObject) -> None:
    """Handler of ``file.uploaded``: start the flows that wait for a file of such a name."""
    file = File.objects.filter(pk=str(payload["file_id"])).first()
    if file is None:
        return
    value = {"name": file.name, "mime": file.mime, "size_bytes": file.size_bytes, "ref": file.ref}
    for trigger in _registered(file.workspace_id, Kind.FILE):
        live = _live(trigger)
        if live is not None and _fits(file.name, str(live.config["names"])):
            _fire(live, {"file": value, "name": file.name}, f"file:{file.pk}")


def _fits(name: str, patterns: str) -> bool:
    wanted = [pattern.strip().lower() for pattern in patterns.split(",") if pattern.strip()]
    return any(fnmatchcase(name.lower(), pattern) for pattern in wanted or ["*"])


def _registered(workspace_id: uuid.UUID, kind: Kind) -> list[Trigger]:
    rows = Trigger.objects.filter(
        workspace_id=workspace_id, kind=kind.value, is_paused=False, flow__archived_at=None
    )
    return list(rows.select_related("flow"))


def _live(trigger: Trigger) -> selectors.Live | None:
    try:
        return selectors.live_published(trigger)
    except SageError as error:
        if error.code is not errors.NOT_PUBLISHED:
            refusal_note(trigger, error)
        return None


def _fire(live: selectors.Live, data: dict[str, Any], key: str, *, chain: int = 0, root: str = "") -> None:
    try:
        fired = trigger_fire(live, data, key=key, chain=chain, root=root)
    except SageError as error:
        logger.warning("trigger_refused", trigger_id=str(live.trigger.pk), code=error.code.code)
        refusal_note(live.trigger, error)
        return
    if root and fired.is_new:
        cache.set(_FOLLOWERS + root, _followers(root) + 1, _REMEMBERED_S)
