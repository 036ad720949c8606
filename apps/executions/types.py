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
    REDRIVE = "redrive"
    FLOW = "flow"
    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    FORM = "form"
    FLOW_EVENT = "flow_event"
    FILE = "file"


class Command(StrEnum):
    """What a person may ask of a run."""

    CANCEL = "cancel"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    REDRIVE = "redrive"


# Flows may call one another this deep.
MAX_DEPTH = 16
# Values over this size in a node's outputs live in blobs.
MAX_INLINE_BYTES = 64 * 1024
# The name under which a node waits for the run it started, with the attempt behind an "@".
FLOW_SIGNAL = "flow"
# Channel of the bus on which workers hear of new runs and of wishes.
WORKERS_CHANNEL = "runs"


def flow_channel(flow_id: object) -> str:
    """Channel of the bus on which the sockets of a flow hear of new events."""
    return f"runs:{flow_id}"


# What is said there: nothing a reader would miss without, only how soon it is worth looking.
HINT_EVENTS, HINT_ENDING = b"", b"ending"


class Queue(StrEnum):
    """Where a node's job waits, by what it needs of a worker."""

    DEFAULT = "default"
    CPU = "cpu"
    MEMORY = "memory"
    GPU = "gpu"


# Channel of the bus on which workers hear of jobs and answers.
JOBS_CHANNEL = "node-jobs"


def job_queue(queue: str) -> str:
    """Celery's name of a queue of node jobs."""
    return f"jobs.{queue}"


# Where a flow's own state holds what was learned about its branches.
BRANCHES_KEY = "$branches"
