"""Words that the parts of this app share."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """Types of nodes that something outside the flow fires."""

    WEBHOOK = "webhook_trigger"
    SCHEDULE = "schedule_trigger"
    FORM = "form_trigger"
    FLOW_EVENT = "flow_event_trigger"
    FILE = "file_trigger"

    @property
    def word(self) -> str:
        """What runs say started them."""
        return self.value.removesuffix("_trigger")


KINDS = frozenset(kind.value for kind in Kind)
# How long the editor listens for one call.
LISTEN_S = 120
# How many runs may follow from one another by events.
MAX_CHAIN = 8
# How many may follow from one event in all, so that flows that listen to one another do not multiply.
MAX_FOLLOWERS = 200
MAX_KEY_LENGTH = 200
# Links at which an answer can be fetched later (``apps.common.sealed_ids``).
WATCH_PURPOSE = "trigger-run"
