"""Words and numbers of runs that other parts share."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

RunState: TypeAlias = str

ACTIVE_STATES = ("ready", "running", "paused")
FINAL_STATES = ("completed", "failed", "cancelled")


class Trigger(StrEnum):
    """What started a run."""

    MANUAL = "manual"
    API = "api"
    RETRY = "retry"


class Command(StrEnum):
    """What a person may ask of a run."""

    CANCEL = "cancel"
    RETRY = "retry"


# Values over this size in a node's outputs live in blobs.
MAX_INLINE_BYTES = 64 * 1024
# Channel of the bus on which workers hear of new runs and of wishes.
WORKERS_CHANNEL = "runs"


def flow_channel(flow_id: object) -> str:
    """Channel of the bus on which the sockets of a flow hear of new events."""
    return f"runs:{flow_id}"
