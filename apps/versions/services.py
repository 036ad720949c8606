"""Committing, rolling back and publishing a flow.

A rollback never replaces the document: it is a patch through the live document like any other
change, so everyone who is editing sees it happen and can undo it.
"""

from __future__ import annotations

from django.db.models import Max

from apps.accounts.models import Person
from apps.audit.services import record
from apps.collaboration.selectors import definition_current
from apps.collaboration.services import PatchResult, activity_add, patch_apply
from apps.common import events
from apps.common.db import write_transaction
from apps.flows.models import Flow
from apps.versions.errors import NOTHING_TO_COMMIT, ROLLBACK_CONFLICT, VersionError
from apps.versions.models import Publication, Version
from apps.versions.selectors import difference, version_get, version_latest
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.flow import parse_plain
from sage_studio.kernel import JsonObject, SageError


def version_commit(*, person: Person, flow: Flow, message: str) -> Version:
    """Freeze the flow as it is now.

    Raises VersionError when nothing changed since the latest version, Forbidden and NotFound.
    """
    require(person, flow.workspace_id, Action.VERSION_COMMIT)
    definition = definition_current(flow)
    with write_transaction():
        # The row lock makes numbers dense: two people committing at once wait for each other.
        Flow.objects.select_for_update().get(pk=flow.pk)
        latest = version_latest(flow)
        if latest is not None and latest.definition_id == definition.pk:
            raise VersionError(NOTHING_TO_COMMIT, {"number": latest.number})
        highest = Version.objects.filter(flow=flow).aggregate(top=Max("number"))["top"] or 0
        version = Version.objects.create(
            workspace_id=flow.workspace_id,
            flow=flow,
            number=highest + 1,
            message=message,
            author=person,
            parent=latest,
            definition=definition,
        )
        record(
            person,
            "version.commit",
            flow.workspace_id,
            target=("flow", flow.pk),
            after={"number": version.number, "message": message},
        )
        facts: JsonObject = {"number": version.number, "message": message}
        activity_add(person=person, flow=flow, kind="version_committed", facts=facts)
        events.emit("version.committed", {"flow_id": str(flow.pk), "number": version.number})
    return version


def version_rollback(*, person: Person, flow: Flow, number: int) -> PatchResult:
    """Bring the draft back to a version, as one change through the live document.

    Raises VersionError when the draft moved under it, NotFound for an unknown version.
    """
    require(person, flow.workspace_id, Action.FLOW_EDIT)
    target = parse_plain(version_get(flow, number).definition.body)
    current = parse_plain(definition_current(flow).body)
    patch = difference(flow.workspace_id, current, target).model_copy(update={"summary": f"v{number}"})
    try:
        result = patch_apply(person, flow.pk, patch, origin="rollback")
    except SageError as error:
        if error.code.code != "patch.conflict":
            raise
        raise VersionError(ROLLBACK_CONFLICT) from error
    record(
        actor=person,
        action="version.rollback",
        workspace_id=flow.workspace_id,
        target=("flow", flow.pk),
        after={"number": number},
    )
    return result


def version_publish(*, person: Person, flow: Flow, number: int) -> Version:
    """Make a version the one that runs for others. Raises NotFound and Forbidden."""
    require(person, flow.workspace_id, Action.VERSION_PUBLISH)
    version = version_get(flow, number)
    with write_transaction():
        before = Publication.objects.filter(flow=flow).values_list("version__number", flat=True).first()
        Publication.objects.update_or_create(
            flow=flow, defaults={"workspace_id": flow.workspace_id, "version": version, "publisher": person}
        )
        record(
            actor=person,
            action="version.publish",
            workspace_id=flow.workspace_id,
            target=("flow", flow.pk),
            before={"number": before},
            after={"number": number},
        )
        activity_add(person=person, flow=flow, kind="version_published", facts={"number": number})
        events.emit("version.published", {"flow_id": str(flow.pk), "number": number})
    return version
