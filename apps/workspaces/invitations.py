"""Invitation tokens: made from the invitation's id and the secret key, never stored."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid

from django.conf import settings
from django.utils.crypto import salted_hmac

_ID_BYTES = 16
_MAC_BYTES = 16


def _mac(identity: bytes) -> bytes:
    return salted_hmac("sage.invitation", identity, algorithm="sha256").digest()[:_MAC_BYTES]


def token_for(invitation_id: uuid.UUID) -> str:
    """The token in the link."""
    identity = invitation_id.bytes
    return base64.urlsafe_b64encode(identity + _mac(identity)).decode().rstrip("=")


def url_for(invitation_id: uuid.UUID) -> str:
    """The link people open."""
    return f"{settings.CONFIG.address}/invite/{token_for(invitation_id)}"


def id_in(token: str) -> uuid.UUID | None:
    """The invitation a token belongs to; None when it was not made here."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    identity, mac = raw[:_ID_BYTES], raw[_ID_BYTES:]
    if len(raw) != _ID_BYTES + _MAC_BYTES or not hmac.compare_digest(mac, _mac(identity)):
        return None
    return uuid.UUID(bytes=identity)
