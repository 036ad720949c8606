"""Named places where a chaos rig can make the process die, fail, freeze or wait.

``SAGE_FAILPOINTS="run.record:kill@3,run.accepted:error,outbox.delivered:sleep=0.5,run.claimed:kill%2"``:
the third passage of the first point kills the process as ``kill -9`` would, every passage of the second
raises, every passage of the third waits half a second, two of a hundred passages of the fourth kill.
Unset, a passage costs one comparison.

====================  ======================================================================
``kill``              SIGKILL to this process
``stop``              SIGSTOP to this process: frozen, with whatever it holds, until SIGCONT
``error``             FailpointHit is raised
``sleep=<seconds>``   the thread waits
``@<n>``              only at the n-th passage in this process
``%<percent>``        by chance; ``SAGE_FAILPOINTS_SEED`` (and the process id) fix the dice
====================  ======================================================================

``python -m apps.common.failpoints`` lists the points. A name in the present tense lies inside the
transaction, just before its commit; one in the past tense lies after it, before anybody is told.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

ENVIRONMENT_NAME = "SAGE_FAILPOINTS"
SEED_NAME = "SAGE_FAILPOINTS_SEED"

POINTS: Mapping[str, str] = {
    "credentials.rewrapped": "one sealed row is under the current key, the others wait",
    "run.accept": "a run's row, first event and outbox rows are written, not committed",
    "run.accepted": "the run is committed, the 202 not sent",
    "run.cancel": "the wish to cancel (or the cancellation of an unclaimed run) is written",
    "run.cancel_noted": "… and committed",
    "run.overrule": "a cancelled run is ended over its lost worker's head, not committed",
    "run.overruled": "… and committed",
    "run.pause": "the wish to pause (or the pause of a run nobody holds) is written",
    "run.pause_noted": "… and committed",
    "run.resume": "a paused run is made ready again",
    "run.resumed": "… and committed",
    "run.redrive": "a new run with the reused records of an older one is written, not committed",
    "run.redriven": "… and committed",
    "run.start_child": "a sub-flow's run is written, not committed",
    "run.child_started": "… and committed, the parent's node does not know yet",
    "trigger.fire": "what fired and its run are written, not committed",
    "trigger.fired": "… and committed, nobody told",
    "signal.deliver": "a signal is written, not committed",
    "signal.delivered": "… and committed, nobody woken",
    "signal.take": "a worker has taken signals of its runs, not committed",
    "signal.taken": "… and committed, the runs have not heard",
    "debug.take": "a worker has taken debug commands for its runs, not committed",
    "debug.taken": "… and committed, the runs have not heard",
    "run.claim": "a worker has taken runs, not committed",
    "run.claimed": "the claim is committed, the worker does not know yet",
    "run.planned": "a claimed run is compiled, nothing of it has run",
    "run.record": "a batch of node records and events is written, not committed",
    "run.recorded": "… and committed, the engine does not know yet",
    "run.finish": "a batch that ends, pauses or parks a run is written, not committed",
    "run.finished": "… and committed, nobody told",
    "run.heartbeat": "a worker is about to renew its leases",
    "run.renew": "the leases are renewed, not committed",
    "run.renewed": "… and committed",
    "run.release": "a stopping worker gives its runs back, not committed",
    "run.released": "… and committed",
    "run.hand_back": "a worker lets go of runs it holds and does not work on, not committed",
    "run.handed_back": "… and committed",
    "job.put": "a node's job is written for any worker, not committed",
    "job.was_put": "… and committed, nobody told",
    "job.claim": "a worker has taken node jobs, not committed",
    "job.claimed": "… and committed, none has begun",
    "job.answer": "the answer of a node's job is written, not committed",
    "job.answered": "… and committed, its run does not know yet",
    "job.take": "the run has the answer and its row is deleted, not committed",
    "job.taken": "… and committed, the node's record is not on disk yet",
    "outbox.claim": "deliveries are leased, not committed",
    "outbox.claimed": "… and committed, no handler has run",
    "outbox.delivered": "a handler has run, its row still says waiting",
    "bus.publish": "a hint is about to leave for Redis; an error loses it",
    "upload.piece": "a piece of an upload lies in the store, its row is written, not committed",
    "upload.finish": "an upload's file and content are in place, not committed",
    "upload.finished": "… and committed, its pieces not removed, nobody told",
    "blob.stored": "a value's file is in place, no row names it",
    "tidy.runs": "runs that ended long ago are deleted with their rows, not committed",
    "tidy.runs_gone": "… and committed, their values are still there",
    "tidy.blobs": "the rows of values nobody names are deleted, not committed",
    "tidy.content": "… and committed, the content is still on disk",
    "document.before_commit": "a tick of edits is in the journal, not committed",
    "document.after_commit": "… and committed, not acknowledged",
    "document.patch": "a patch by the headless writer is written, not committed",
    "document.patched": "… and committed, not published",
    "document.compact": "a snapshot stands in for a journal's tail, not committed",
    "document.compacted": "… and committed",
    "document.purge": "nodes deleted long ago are removed, not committed",
    "document.purged": "… and committed",
    "document.rebase": "a document's new epoch is written, not committed",
    "document.rebased": "… and committed",
    "document.recover": "what could be read of a document set aside is its new epoch, not committed",
    "document.recovered": "… and committed",
}
_FORM = re.compile(
    r"(?P<name>[a-z_.]+):(?P<action>kill|stop|error|sleep=[\d.]+)(?:@(?P<at>\d+)|%(?P<chance>[\d.]+))?"
)


class FailpointHit(Exception):
    """Raised by an ``error`` fail point."""


@dataclass(slots=True)
class _Point:
    action: str
    at: int | None
    chance: float | None
    passages: int = 0

    def is_due(self) -> bool:
        """Count a passage and say whether it is one that fires."""
        self.passages += 1
        if self.chance is not None:
            return _dice.random() < self.chance
        return self.at is None or self.passages == self.at


def _parse(text: str) -> dict[str, _Point]:
    points: dict[str, _Point] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        found = _FORM.fullmatch(part)
        if found is None:
            raise ValueError(f"{ENVIRONMENT_NAME}: {part!r} is not name:action")
        if found["name"] not in POINTS:
            raise ValueError(f"{ENVIRONMENT_NAME}: there is no fail point {found['name']!r}")
        points[found["name"]] = _Point(
            found["action"],
            int(found["at"]) if found["at"] else None,
            float(found["chance"]) / 100 if found["chance"] else None,
        )
    return points


def _throw() -> random.Random:
    return random.Random(f"{os.environ.get(SEED_NAME, '0')}/{os.getpid()}")  # noqa: S311 - repeatable, guards nothing


_points = _parse(os.environ.get(ENVIRONMENT_NAME, ""))
_dice = _throw()
_lock = threading.Lock()


def configure(text: str) -> None:
    """Replace all fail points (tests only; processes are configured by the environment), with dice of this
    process: a fork would go on with its parent's, and all forks die at the same passage.

    Raises ValueError for a text that names no point or no action."""
    points = _parse(text)
    _points.clear()
    _points.update(points)
    _dice.setstate(_throw().getstate())


def hit(name: str) -> None:
    """Pass the fail point ``name``."""
    if not _points or (point := _points.get(name)) is None:
        return
    with _lock:
        if not point.is_due():
            return
    _tell(name, point.action)
    if point.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif point.action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif point.action == "error":
        raise FailpointHit(name)
    else:
        time.sleep(float(point.action.removeprefix("sleep=")))


def _tell(name: str, action: str) -> None:
    """One line for the rig, past all buffers: the process may not live to flush them."""
    os.write(2, f"failpoint {name} {action} pid={os.getpid()}\n".encode())


def _list() -> str:
    width = max(map(len, POINTS))
    return "\n".join(f"{name:<{width}}  {meaning}" for name, meaning in POINTS.items())


if __name__ == "__main__":
    sys.stdout.write(_list() + "\n")
