"""Operations on live documents: the journal, patches by the headless writer, upkeep."""

from apps.collaboration.services.activity import activity_add, activity_note
from apps.collaboration.services.documents import (
    document_create,
    document_ensure,
    document_opened,
    document_opening,
)
from apps.collaboration.services.epochs import document_purge, document_rebase
from apps.collaboration.services.journal import Outcome, journal_append
from apps.collaboration.services.patches import PatchResult, flow_rename, patch_apply
from apps.collaboration.services.recovery import Recovery, document_recover
from apps.collaboration.services.refusals import refusal_record
from apps.collaboration.services.upkeep import document_settle

__all__ = [
    "Outcome",
    "PatchResult",
    "Recovery",
    "activity_add",
    "activity_note",
    "document_create",
    "document_ensure",
    "document_opened",
    "document_opening",
    "document_purge",
    "document_rebase",
    "document_recover",
    "document_settle",
    "flow_rename",
    "journal_append",
    "patch_apply",
    "refusal_record",
]
