"""Secrets a run has seen, and the blotting of them in everything it says.

A secret is blotted as it is and in the forms it travels in (base64, percent-encoded, JSON and HTML
escapes, hexadecimal), also in bytes. Values shorter than six characters are left alone: blotting ``1``
would ruin every number, and no real key is that short.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from sage_studio.engine.records import StreamReference

BLOT = "••••••"
_SHORTEST = 6
# A line of a secret, and what is looked for inside longer base64, are blotted from these lengths on.
_SHORTEST_LINE = 12
_SHORTEST_INSIDE = 8


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
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(bytes(value))
        if isinstance(value, (set, frozenset)):
            return {self._walk(item) for item in value}
        return value

    def _bytes(self, value: bytes) -> bytes:
        for form in self._forms:
            raw = form.encode()
            if raw in value:
                value = value.replace(raw, BLOT.encode())
        return value


def _forms_of(secret: str) -> set[str]:
    """The secret in every dress it travels in; of one that has lines, each line."""
    parts = {secret, *(line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE)}
    forms = {form for part in parts for form in _dressed(part)}
    return {form for form in forms if len(form) >= _SHORTEST}


def _dressed(secret: str) -> set[str]:
    quoted = json.dumps(secret)[1:-1]
    percent = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    return {
        secret,
        quoted,
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(quoted)[1:-1],
        html.escape(secret),
        *percent,
        *(re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in percent),
        secret.encode().hex(),
        *_base64_forms(secret.encode()),
    }


def _base64_forms(raw: bytes) -> set[str]:
    """In base64, also in the middle of something longer: it looks different by where it stands, and its
    first and last characters depend on its neighbours."""
    whole = base64.b64encode(raw).decode()
    forms = {whole, whole.rstrip("=")}
    for before in range(3) if len(raw) >= _SHORTEST_INSIDE else ():
        packed = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        forms.add(packed[first:last])
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}
