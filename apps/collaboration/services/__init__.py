"""Operations on live documents: the journal, patches by the headless writer, upkeep."""

from apps.collaboration.services.documents import document_ensure, document_opened, document_opening
from apps.collaboration.services.journal import Outcome, journal_append
from apps.collaboration.services.refusals import refusal_record
from apps.collaboration.services.upkeep import document_settle

__all__ = [
    "Outcome",
    "document_ensure",
    "document_opened",
    "document_opening",
    "document_settle",
    "journal_append",
    "refusal_record",
]
