"""Tokens that services give for an app's secret, kept in this process until they end.

A token belongs to the very values of a credential: changed, another workspace's or another service's make
another key. Only that key's digest is kept beside the token.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

MOST = 1_000
_MARGIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A token, and for how long it holds."""

    token: str
    lives_s: float


def token_key(service: str, url: str, fields: Mapping[str, str]) -> str:
    """What a token was given for."""
    given = json.dumps([service, url, sorted(fields.items())])
    return hashlib.sha256(given.encode()).hexdigest()


class Tokens:
    """Those who ask for the same token at once wait for one exchange."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def held(self, key: str, exchange: Callable[[], Awaitable[Exchanged]]) -> str:
        """The token of a key; without one that still holds it is exchanged. Raises what that raises."""
        if (token := self._valid(key)) is not None:
            return token
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            if (token := self._valid(key)) is not None:
                return token
            made = await exchange()
            self._held[key] = (made.token, self._clock() + made.lives_s - min(_MARGIN_S, made.lives_s / 2))
            while len(self._held) > MOST:
                self._held.popitem(last=False)
            return made.token

    def drop(self, key: str, token: str) -> None:
        """Forget a token that was refused, unless there is a newer one already."""
        if self._held.get(key, ("", 0.0))[0] == token:
            del self._held[key]

    def clear(self) -> None:
        self._held.clear()

    def _valid(self, key: str) -> str | None:
        token, until = self._held.get(key, ("", 0.0))
        return token if self._clock() < until else None


TOKENS = Tokens()
