"""Links that are a right in themselves: a token made from a row's id and the secret key, never stored.

``purpose`` keeps the tokens of one kind of link from opening another.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid

from django.utils.crypto import salted_hmac

_ID_BYTES = 16
_MAC_BYTES = 16


def _mac(purpose: str, identity: bytes) -> bytes:
    return salted_hmac(f"sage.{purpose}", identity, algorithm="sha256").digest()[:_MAC_BYTES]


def token_for(purpose: str, row_id: uuid.UUID) -> str:
    """The token in the link."""
    identity = row_id.bytes
    return base64.urlsafe_b64encode(identity + _mac(purpose, identity)).decode().rstrip("=")


def id_in(purpose: str, token: str) -> uuid.UUID | None:
    """The row a token belongs to; None when it was not made here for this purpose."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    identity, mac = raw[:_ID_BYTES], raw[_ID_BYTES:]
    if len(raw) != _ID_BYTES + _MAC_BYTES or not hmac.compare_digest(mac, _mac(purpose, identity)):
        return None
    return uuid.UUID(bytes=identity)
