"""People who meddle with runs under way: they answer questions, cancel, pause and resume.

What they ask is asked again until it is answered, like starts. A cancelled run may end as cancelled or as it
would have ended; a paused one is always resumed. A pause whose answer was lost may be carried out long after
(by a process that was frozen with it, say): such a run is looked after until the end.
"""

from __future__ import annotations

import threading
import time
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from infra.chaos.containers import APPROVAL_KEY
from infra.chaos.load import LOST, Api, Load
from infra.chaos.tables import UNREADABLE, Tables, as_id

LOOK_EVERY_S = 0.5
CANCELS_OF_100 = 3
PAUSES_OF_100 = 6


@dataclass
class People:
    """One thread, from ``begin`` to ``end``."""

    api: Api
    load: Load
    tables: Tables
    seed: int
    counts: dict[str, int] = field(default_factory=lambda: {"answered": 0, "cancelled": 0, "paused": 0})
    _met: int = 0
    _answered: set[str] = field(default_factory=set)
    _paused: dict[str, float] = field(default_factory=dict)
    _unsure: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _is_idle: bool = False
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._work, name="people", daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """Start nothing new with runs; go on answering and resuming."""
        self._is_idle = True

    def end(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(30)

    def _work(self) -> None:
        dice = Random(f"{self.seed}/people")  # noqa: S311 - repeatable, guards nothing
        while not self._over.wait(LOOK_EVERY_S):
            self._answer()
            if not self._is_idle:
                self._meddle(dice)
            self._resume()

    def _answer(self) -> None:
        query = "SELECT DISTINCT run_id FROM executions_noderun WHERE node_id = 'ask' AND state = 'waiting'"
        try:
            asking = {as_id(row["run_id"]) for row in self.tables.rows(query)}
        except UNREADABLE:
            return
        for run_id in asking - self._answered:
            body = {"key": APPROVAL_KEY, "payload": {"approved": True}}
            if self._ask(f"/runs/{run_id}/signals", body):
                self._answered.add(run_id)
                self.counts["answered"] += 1

    def _meddle(self, dice: Random) -> None:
        """Each run is met once, some time after it was accepted."""
        starts = self.load.starts[self._met :]
        for start in starts:
            if start.run_id is None:
                return
            self._met += 1
            chance = dice.randrange(100)
            if chance < CANCELS_OF_100:
                start.is_cancelled = True
                self.counts["cancelled"] += self._ask(f"/runs/{start.run_id}/commands", {"command": "cancel"})
            elif chance < CANCELS_OF_100 + PAUSES_OF_100:
                self._paused[start.run_id] = time.monotonic() + dice.uniform(1.0, 6.0)
                if self._ask(f"/runs/{start.run_id}/commands", {"command": "pause"}):
                    self.counts["paused"] += 1
                else:
                    self._unsure.add(start.run_id)

    def _resume(self) -> None:
        for run_id, due_at in list(self._paused.items()):
            if time.monotonic() > due_at and self._ask(f"/runs/{run_id}/commands", {"command": "resume"}):
                del self._paused[run_id]
        for run_id in self._unsure.intersection(self._resting()):
            self._paused.setdefault(run_id, 0.0)

    def _resting(self) -> set[str]:
        """Runs that are paused because somebody asked for it."""
        if not self._unsure:
            return set()
        query = "SELECT id FROM executions_run WHERE state = 'paused' AND reason = 'requested'"
        try:
            return {as_id(row["id"]) for row in self.tables.rows(query)}
        except UNREADABLE:
            return set()

    def _ask(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether there was an answer; a refusal (the run has ended, was answered) is one."""
        try:
            self.api.call("POST", path, body)
        except urllib.error.HTTPError as error:
            return error.code in (404, 409, 422)
        except LOST:
            return False
        return True
