"""Named places where a chaos rig can make the process die, fail or wait.

``SAGE_FAILPOINTS="run.complete:kill@3,doc.commit:error,outbox.deliver:sleep=0.5"``: the third
passage of the first point kills the process as ``kill -9`` would, every passage of the second
raises, every passage of the third waits half a second. Unset, a passage costs one comparison.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass

ENVIRONMENT_NAME = "SAGE_FAILPOINTS"


class FailpointHit(Exception):
    """Raised by an ``error`` fail point."""


@dataclass(slots=True)
class _Point:
    action: str
    at: int | None
    passages: int = 0


def _parse(text: str) -> dict[str, _Point]:
    points: dict[str, _Point] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, rest = part.partition(":")
        action, _, at = rest.partition("@")
        if action not in ("kill", "error") and not action.startswith("sleep="):
            raise ValueError(f"{ENVIRONMENT_NAME}: unknown action in {part!r}")
        points[name] = _Point(action, int(at) if at else None)
    return points


_points = _parse(os.environ.get(ENVIRONMENT_NAME, ""))
_lock = threading.Lock()


def configure(text: str) -> None:
    """Replace all fail points (tests only; processes are configured by the environment)."""
    points = _parse(text)
    _points.clear()
    _points.update(points)


def hit(name: str) -> None:
    """Pass the fail point ``name``."""
    if not _points or (point := _points.get(name)) is None:
        return
    with _lock:
        point.passages += 1
        if point.at is not None and point.passages != point.at:
            return
    if point.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif point.action == "error":
        raise FailpointHit(name)
    else:
        time.sleep(float(point.action.removeprefix("sleep=")))
