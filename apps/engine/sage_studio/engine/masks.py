"""Secrets a run has seen, and the blotting of them in everything it says.

A secret is blotted as it is and in the forms it travels in (base64, percent-encoded, JSON
escapes). Values shorter than six characters are left alone: blotting ``1`` would ruin every
number, and no real key is that short.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote

from sage_studio.engine.records import StreamReference

BLOT = "••••••"
_SHORTEST = 6


class Masks:
    """The secrets of one run: those it is told, and those in ``seen``, a set that the host adds to
    when its clients send a secret the node itself never holds."""

    __slots__ = ("_forms", "_known", "_seen")

    def __init__(self, seen: Collection[str] = ()) -> None:
        self._forms: list[str] = []
        self._seen = seen
        self._known = 0

    def learn(self, secrets: Iterable[str]) -> None:
        """Blot these from now on."""
        forms = set(self._forms)
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                forms |= _forms_of(secret)
        # Longest first, so that a form that contains another is blotted whole.
        self._forms = sorted(forms, key=len, reverse=True)

    @property
    def has_any(self) -> bool:
        """Whether there is anything to blot."""
        self._catch_up()
        return bool(self._forms)

    def _catch_up(self) -> None:
        if len(self._seen) != self._known:
            self._known = len(self._seen)
            self.learn(tuple(self._seen))

    def text(self, value: str) -> str:
        self._catch_up()
        for form in self._forms:
            if form in value:
                value = value.replace(form, BLOT)
        return value

    def value(self, value: Any) -> Any:
        """The same value with secrets blotted in every text inside; cheap when none are known."""
        return self._walk(value) if self.has_any else value

    def _walk(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            kind = StreamReference if isinstance(value, StreamReference) else dict
            return kind({self._walk(key): self._walk(item) for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return [self._walk(item) for item in value]
        return value


def _forms_of(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = base64.b64encode(raw).decode()
    return {
        secret,
        encoded,
        encoded.rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
    }
