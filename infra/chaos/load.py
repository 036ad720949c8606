"""Starts runs through the API as clients do: with a key, again and again until the answer is there."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from infra.chaos.flows import MIX, NUMBERS, Kind

PATIENCE_S = 10.0
AGAIN_AFTER_S = 0.2
LOST = (OSError, http.client.HTTPException, ValueError)


@dataclass(slots=True)
class Start:
    """One start: what was asked, and the run that was promised for it, if an answer came."""

    flow: str
    n: int
    tag: str
    run_id: str | None = None
    tries: int = 0
    is_cancelled: bool = False


class Api:
    """The HTTP face of the product; any of its addresses."""

    def __init__(self, addresses: Sequence[str], staged: Mapping[str, Any]) -> None:
        self._addresses = list(addresses)
        self._base = f"/api/v1/workspaces/{staged['workspace_id']}"
        self._key = str(staged["key"])
        self.flows: Mapping[str, str] = staged["flows"]

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", turn: int = 0) -> Any:
        """One request to one address. Raises OSError or ValueError when no answer came."""
        request = urllib.request.Request(
            f"{self._addresses[turn % len(self._addresses)]}{self._base}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/json",
                **({"Idempotency-Key": key} if key else {}),
            },
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read())

    def start(self, start: Start, turn: int) -> bool:
        """Ask once; whether it was accepted. Refusals other than overload are faults of the rig."""
        start.tries += 1
        body = {"flow_id": self.flows[start.flow], "inputs": {"n": start.n, "tag": start.tag}}
        try:
            answer = self.call("POST", "/runs", body, key=start.tag, turn=turn)
        except urllib.error.HTTPError as error:
            if error.code not in (409, 429, 500, 502, 503):
                raise RuntimeError(f"start refused: {error.code} {error.read()[:500]!r}") from error
            return False
        except LOST:
            return False
        start.run_id = str(answer["id"])
        return True


@dataclass
class Load:
    """Threads that start runs at about ``rate`` a second until told to stop."""

    api: Api
    seed: int
    rate: float
    threads: int = 4
    kinds: Mapping[str, Kind] = field(default_factory=lambda: MIX)
    starts: list[Start] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _working: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        for number in range(self.threads):
            thread = threading.Thread(target=self._work, args=(number,), name=f"load-{number}", daemon=True)
            self._working.append(thread)
            thread.start()

    def end(self) -> None:
        """No new starts; those under way go on until they are answered or give up."""
        self._over.set()
        for thread in self._working:
            thread.join(60)

    def _work(self, number: int) -> None:
        dice = Random(f"{self.seed}/{number}")  # noqa: S311 - repeatable, guards nothing
        names = list(self.kinds)
        weights = [self.kinds[name].weight for name in names]
        while not self._over.wait(dice.expovariate(self.rate / self.threads)):
            name = dice.choices(names, weights)[0]
            start = Start(name, dice.randrange(NUMBERS), uuid.UUID(int=dice.getrandbits(128)).hex)
            self.starts.append(start)
            try:
                self._until_accepted(start, dice)
            except RuntimeError as error:
                self.faults.append(str(error))

    def _until_accepted(self, start: Start, dice: Random) -> None:
        over_at = None
        while not self.api.start(start, dice.randrange(100)):
            if self._over.is_set():
                over_at = over_at or time.monotonic() + 30
                if time.monotonic() > over_at:
                    return
            time.sleep(AGAIN_AFTER_S)

    def probe(self, name: str = "pure") -> Start:
        """A start of its own, asked once per call of ``Api.start``; the caller repeats it."""
        start = Start(name, 0, uuid.uuid4().hex)
        self.starts.append(start)
        return start
