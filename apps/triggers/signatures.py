"""Whether a call comes from who may call: signatures over the body, keys, tokens, passwords.

Comparisons take the same time wherever two texts differ. A signature with a time in it holds for five
minutes; within them its id, or the signature itself, counts once (the caller of this module keeps them).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from apps.triggers.errors import NOT_ALLOWED, TOO_OLD
from sage_studio.kernel import SageError

TOLERANCE_S = 300
Headers = Mapping[str, str]


def github(headers: Headers, body: bytes, secret: str) -> str:
    """``X-Hub-Signature-256``; GitHub signs no time, its delivery id is the name of the call."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    _require(_equal(headers.get("X-Hub-Signature-256", ""), expected))
    return headers.get("X-Github-Delivery", "")


def stripe(headers: Headers, body: bytes, secret: str, now: float) -> str:
    """``Stripe-Signature: t=…,v1=…`` (several ``v1`` while a secret is being changed)."""
    parts = [part.strip().partition("=") for part in headers.get("Stripe-Signature", "").split(",")]
    moment = next((value for name, _, value in parts if name == "t"), "")
    given = [value for name, _, value in parts if name == "v1"]
    expected = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    _require(any(_equal(value, expected) for value in given))
    _require_new(moment, now)
    return f"stripe:{expected}"


def slack(headers: Headers, body: bytes, secret: str, now: float) -> str:
    """``X-Slack-Signature`` over ``v0:time:body``."""
    moment = headers.get("X-Slack-Request-Timestamp", "")
    mac = hmac.new(secret.encode(), b"v0:" + moment.encode() + b":" + body, hashlib.sha256)
    expected = "v0=" + mac.hexdigest()
    _require(_equal(headers.get("X-Slack-Signature", ""), expected))
    _require_new(moment, now)
    return f"slack:{expected[3:]}"


def standard(headers: Headers, body: bytes, secret: str, now: float) -> str:
    """Standard Webhooks: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature: v1,… v1,…``."""
    name, moment = headers.get("Webhook-Id", ""), headers.get("Webhook-Timestamp", "")
    signed = f"{name}.{moment}.".encode() + body
    expected = base64.b64encode(hmac.new(_key_of(secret), signed, hashlib.sha256).digest()).decode()
    given = [part.removeprefix("v1,") for part in headers.get("Webhook-Signature", "").split(" ")]
    _require(bool(name) and any(_equal(value, expected) for value in given))
    _require_new(moment, now)
    return name


def header_key(headers: Headers, fields: Mapping[str, str]) -> None:
    """A key in the header its credential names, with the word before it where there is one."""
    prefix = fields.get("prefix", "").strip()
    expected = f"{prefix} {fields.get('api_key', '')}".strip()
    _require(_equal(headers.get(key_header(fields), ""), expected))


def key_header(fields: Mapping[str, str]) -> str:
    """The header a key comes in."""
    return fields.get("header") or "Authorization"


def bearer(headers: Headers, token: str) -> None:
    kind, _, given = headers.get("Authorization", "").partition(" ")
    _require(bool(token) and kind.lower() == "bearer" and _equal(given.strip(), token))


def basic(headers: Headers, fields: Mapping[str, str]) -> None:
    kind, _, given = headers.get("Authorization", "").partition(" ")
    try:
        shown = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        shown = b""
    expected = f"{fields.get('username', '')}:{fields.get('password', '')}".encode()
    _require(kind.lower() == "basic" and hmac.compare_digest(shown, expected))


def _key_of(secret: str) -> bytes:
    """``whsec_`` and base64, or any text as it is."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True) or secret.encode()
    except (binascii.Error, ValueError):
        return secret.encode()


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def _require(is_right: bool) -> None:
    if not is_right:
        raise SageError(NOT_ALLOWED)


def _require_new(moment: str, now: float) -> None:
    if not (moment.isascii() and moment.isdigit() and len(moment) < 13):
        raise SageError(NOT_ALLOWED)
    if abs(now - int(moment)) > TOLERANCE_S:
        raise SageError(TOO_OLD)
