"""Keeping what happened to a flow: journal rows are told as activity when somebody asks and before
they are compacted; other apps add what they do with a flow."""

from __future__ import annotations

import uuid

from django.utils import timezone

from apps.accounts.models import Person
from apps.collaboration.activity_selectors import PAUSE, Replay, Stretch, replay, told
from apps.collaboration.documents.watching import LISTED
from apps.collaboration.models import Document, DocumentSnapshot, FlowActivity
from apps.collaboration.rooms import hints
from apps.common.bus import publish_on_commit
from apps.common.db import write_transaction
from apps.flows.models import Flow
from sage_studio.kernel import JsonObject

TOPIC = "activity"


def activity_note(flow_id: uuid.UUID) -> None:
    """Write down the journal's rows that nobody has told yet.

    May run at any time, in any process and more than once: whoever moves the position writes. A document
    that was set aside may kill its reader and is left alone.
    """
    document = Document.objects.filter(pk=flow_id).first()
    if document is None or document.quarantined_at or document.activity_seq == document.head_seq:
        return
    # A new lineage counts anew.
    after = document.activity_seq if document.activity_seq < document.head_seq else 0
    found = replay(document, after)
    with write_transaction():
        mine = Document.objects.filter(
            pk=flow_id, epoch=document.epoch, activity_seq=document.activity_seq
        ).update(activity_seq=found.until)
        if not mine:
            return
        if not found.is_complete:
            _keep_gap(document, after, found)
        for stretch in found.stretches:
            _keep(document, stretch, found.names)


def _keep(document: Document, stretch: Stretch, names: dict[str, str]) -> None:
    """One stretch: a row of its own, or the going on of the person's last."""
    earlier = None
    if stretch.origin == "room":
        earlier = (
            FlowActivity.objects.filter(flow_id=document.pk, person_id=stretch.person_id)
            .filter(epoch=document.epoch, ended_at__gte=stretch.started_at - PAUSE)
            .order_by("-ended_at")
            .first()
        )
    if earlier is not None and (earlier.kind, earlier.origin, earlier.more) == ("edited", "room", 0):
        changes = told(stretch, names, earlier.changes)
        earlier.changes, earlier.more = changes[:LISTED], max(0, len(changes) - LISTED)
        earlier.last_seq, earlier.ended_at = stretch.last_seq, stretch.ended_at
        earlier.save(update_fields=["changes", "more", "last_seq", "ended_at", "updated_at"])
        return
    changes = told(stretch, names)
    if not changes and stretch.kind == "edited":
        return
    FlowActivity.objects.create(
        flow_id=document.pk,
        kind=stretch.kind,
        person_id=stretch.person_id,
        origin=stretch.origin,
        summary=stretch.summary,
        epoch=document.epoch,
        first_seq=stretch.first_seq,
        last_seq=stretch.last_seq,
        changes=changes[:LISTED],
        more=max(0, len(changes) - LISTED),
        started_at=stretch.started_at,
        ended_at=stretch.ended_at,
    )


def _keep_gap(document: Document, after: int, found: Replay) -> None:
    """Say that rows were compacted before anybody told them."""
    snapshot = (
        DocumentSnapshot.objects.filter(document=document, epoch=document.epoch).order_by("seq").first()
    )
    moment = snapshot.created_at if snapshot else timezone.now()
    FlowActivity.objects.create(
        flow_id=document.pk,
        kind="compacted",
        origin="server",
        epoch=document.epoch,
        first_seq=after + 1,
        last_seq=found.since,
        started_at=moment,
        ended_at=moment,
    )


def activity_add(
    *, person: Person | None, flow: Flow, kind: str, facts: JsonObject, summary: str = ""
) -> None:
    """Something another app did with a flow (a version committed …), in its transaction."""
    now = timezone.now()
    FlowActivity.objects.create(
        flow=flow,
        kind=kind,
        person_id=person.pk if person else None,
        summary=summary[:300],
        facts=facts,
        started_at=now,
        ended_at=now,
    )
    news = hints.encode(hints.NOBODY, hints.NewsHint(TOPIC))
    publish_on_commit(hints.channel(flow.pk), news)
