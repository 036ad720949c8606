"""Sub-flows: runs that a node of another run starts and waits for.

A child is started once per key, however often its parent's node is taken up again, and its end is a
signal to the parent. It belongs to the parent's workspace and counts as the parent's starter's.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import cast

from django.utils import timezone

from apps.catalogue.selectors import registry
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions import errors
from apps.executions.models import Run
from apps.executions.services.accept import add_run, append_event, checked_inputs
from apps.executions.services.debugging import child_debug
from apps.executions.services.family import family_limit, has_room_below
from apps.executions.types import MAX_DEPTH, Trigger
from apps.flows.models import Definition, Flow
from apps.versions.selectors import published_number, version_definition, version_latest
from sage_studio.kernel import Json, JsonObject, SageError

# What one flow hands to another stays in the house, so it may be bigger than what comes over HTTP.
MAX_CHILD_INPUT_BYTES = 64 << 20


def child_start(
    *,
    parent_id: uuid.UUID,
    fence: int,
    key: str,
    flow_ref: str,
    version: str,
    inputs: Mapping[str, Json],
) -> uuid.UUID:
    """The run of ``flow_ref`` (id or name) that the parent's node waits for under ``key``; started if
    it is not there yet. ``version`` is a number, or empty for the published version, else the newest
    one, else the flow as it was drawn last.

    Raises SageError when there is no such flow or version, when it cannot run or its inputs do not
    fit, when calls nest too deep, and when the parent has been stopped or taken over.
    """
    started = _started(parent_id, key)
    if started is not None:
        return started
    parent = Run.objects.select_related("created_by").get(pk=parent_id)
    _require_room(parent)
    flow = _flow(parent.workspace_id, flow_ref)
    number, definition = _definition(flow, version)
    given = checked_inputs(
        definition, cast(JsonObject, dict(inputs)), registry(flow.workspace_id), MAX_CHILD_INPUT_BYTES
    )
    with write_transaction():
        # The lock orders this against a wish for the parent: either the wish finds the child, or the
        # child finds the wish.
        holder = _lock_parent(parent_id, fence)
        started = _started(parent_id, key)
        if started is not None:
            return started
        child = add_run(_child(parent, key, flow, definition, version=number, inputs=given))
        if holder.pause_requested_at is not None:
            _rest_with(child, holder)
        failpoints.hit("run.start_child")
    failpoints.hit("run.child_started")
    return child.pk


def _require_room(parent: Run) -> None:
    """Raises SageError when calls nest too deep, or when the whole family is as big as it may get."""
    if parent.depth >= MAX_DEPTH:
        raise SageError(errors.TOO_DEEP, {"limit": MAX_DEPTH})
    if not has_room_below(parent.pk):
        raise SageError(errors.TOO_MANY_BELOW, {"limit": family_limit()})


def _lock_parent(parent_id: uuid.UUID, fence: int) -> Run:
    """Raises SageError when the parent has been stopped or taken over."""
    holder = Run.objects.select_for_update(no_key=True).get(pk=parent_id)
    is_ours = holder.fence == fence and holder.state == Run.State.RUNNING
    if not is_ours or holder.cancel_requested_at is not None:
        raise SageError(errors.PARENT_STOPPED)
    return holder


def _child(
    parent: Run, key: str, flow: Flow, definition: Definition, *, version: int | None, inputs: JsonObject
) -> Run:
    return Run(
        workspace_id=parent.workspace_id,
        flow=flow,
        definition=definition,
        trigger=Trigger.FLOW.value,
        version=version,
        inputs=inputs,
        created_by=parent.created_by,
        parent_run_id=parent.pk,
        parent_path=key,
        depth=parent.depth + 1,
        debug=child_debug(parent, key, flow),
    )


def _started(parent_id: uuid.UUID, key: str) -> uuid.UUID | None:
    children = Run.objects.filter(parent_run_id=parent_id, parent_path=key)
    return children.values_list("pk", flat=True).first()


def _rest_with(child: Run, parent: Run) -> None:
    """A child of a run that is about to pause pauses with it, and is resumed with it."""
    child.state, child.reason = Run.State.PAUSED, "requested"
    child.pause_requested_at, child.lease_until = parent.pause_requested_at, None
    child.last_seq += 1
    child.updated_at = timezone.now()
    child.save()
    append_event(child, "run_paused", {"reason": "requested"})


def _flow(workspace_id: uuid.UUID, ref: str) -> Flow:
    flows = Flow.objects.filter(workspace_id=workspace_id, archived_at=None).select_related("definition")
    try:
        found = flows.filter(pk=uuid.UUID(ref)).first()
    except ValueError:
        found = flows.filter(name=ref).order_by("created_at").first()
    if found is None:
        raise SageError(errors.NO_FLOW, {"flow": ref[:200]})
    return found


def _definition(flow: Flow, version: str) -> tuple[int | None, Definition]:
    if version.strip():
        try:
            number = int(version)
            return number, version_definition(flow, number)
        except (ValueError, SageError):
            raise SageError(errors.NO_VERSION, {"flow": flow.name, "version": version[:20]}) from None
    published = published_number(flow)
    if published is not None:
        return published, version_definition(flow, published)
    latest = version_latest(flow)
    return (None, flow.definition) if latest is None else (latest.number, latest.definition)
