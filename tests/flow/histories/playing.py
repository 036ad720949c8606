"""Plays a history: people act, what they send waits for each of the others, and arrives as it is told."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.collaboration.wire.frames import EMPTY_UPDATE
from tests.flow.histories.browsers import Browser, Browsers
from tests.flow.histories.script import EDITS, History, Step
from tests.flow.histories.servers import GapError, Server


class Replica(Protocol):
    """One copy of the document and who works on it."""

    def act(self, step: Step) -> list[bytes]: ...
    def take(self, updates: Sequence[bytes]) -> list[bytes]: ...
    def lacking(self, vector: bytes) -> bytes: ...
    def vector(self) -> bytes: ...
    def end(self) -> dict[str, Any]: ...


@dataclass(slots=True)
class _Seat:
    """Somebody's place: what waits for them, and what they have heard."""

    replica: Replica
    is_here: bool = True
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)


def play(history: History, browsers: Browsers) -> list[dict[str, Any]]:
    """The end of everybody: document, flow, what is shown, clocks."""
    table = _Table(history, browsers)
    for step in history.steps:
        table.do(step)
    table.settle()
    return [seat.replica.end() for seat in table.seats]


class _Table:
    def __init__(self, history: History, browsers: Browsers) -> None:
        ports = browsers.ports

        def multiple(kind: str, port: str) -> bool:
            return ports[kind].get(port, False) if kind in ports else True

        self._gossip = history.gossip
        self._random = random.Random(history.seed)
        at_browsers = [number for number, kind in enumerate(history.people) if kind == "browser"]
        # Whose change counts is decided by client ids; the lowest is now a browser's, now a server's.
        ids = self._random.sample(range(1, 100), len(history.people))
        people = [{"client": ids[number], "now": 1_000} for number in at_browsers]
        browsers.ask("start", people=people, seed=history.seed)
        self.seats = [
            _Seat(Browser(browsers, at_browsers.index(number)))
            if kind == "browser"
            else _Seat(Server(ids[number], 1_000, multiple))
            for number, kind in enumerate(history.people)
        ]

    def do(self, step: Step) -> None:
        seat = self.seats[step.who]
        if step.verb in EDITS:
            self._send(step.who, seat.replica.act(step))
        elif step.verb == "leave":
            seat.is_here = False
        elif step.verb == "return":
            seat.is_here = True
            self._catch_up(step.who)
        elif seat.is_here and step.verb == "deliver":
            self._deliver(step.who, 1 + step.value % 8)
        elif seat.is_here and seat.heard:
            self._give(step.who, [(step.who, seat.heard[step.value % len(seat.heard)])])

    def _send(self, sender: int, updates: Sequence[bytes]) -> None:
        for number, seat in enumerate(self.seats):
            if number != sender:
                seat.waiting += [(sender, update) for update in updates]

    def _deliver(self, receiver: int, count: int) -> None:
        """Any of what waits, in any order."""
        waiting = self.seats[receiver].waiting
        self._random.shuffle(waiting)
        arrived, waiting[:] = waiting[:count], waiting[count:]
        self._give(receiver, arrived)

    def _give(self, receiver: int, arrived: Sequence[tuple[int, bytes]]) -> None:
        seat = self.seats[receiver]
        for sender, update in arrived:
            try:
                news = seat.replica.take([update])
            except GapError:
                # What a room does: it asks the sender for everything that is missing. The sender of a
                # passed-on change has it all; who sent it first may have been offline since.
                news = self._fetch(receiver, sender)
            seat.heard.append(update)
            if self._gossip:
                self._send(receiver, news)

    def _fetch(self, receiver: int, sender: int) -> list[bytes]:
        """Everything the sender has. A browser that waits for something itself answers with a gap, and is
        refused until it has been told."""
        replica = self.seats[receiver].replica
        answer = self.seats[sender].replica.lacking(replica.vector())
        try:
            return replica.take([answer]) if answer != EMPTY_UPDATE else []
        except GapError:
            return []

    def _catch_up(self, receiver: int) -> None:
        """After a time away: one answer from each of the others, and what had been under way comes late."""
        for sender in range(len(self.seats)):
            if sender != receiver:
                news = self._fetch(receiver, sender)
                if self._gossip:
                    self._send(receiver, news)

    def settle(self) -> None:
        """Everything arrives, in any order; then each asks each for what it lacks."""
        for number, seat in enumerate(self.seats):
            seat.is_here = True
            self._deliver(number, len(seat.waiting))
        for _ in range(2):
            for number in range(len(self.seats)):
                self._catch_up(number)
