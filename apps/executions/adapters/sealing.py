"""Sealing what passes between workers through the database: values of runs, with their secrets.

AES-256-GCM under a key derived from the first of ``SAGE_CREDENTIAL_KEYS``; older keys still open what
they sealed. Every box is bound to its place, so that one moved to another row does not open.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12


class CannotOpen(Exception):
    """No configured key opens the box, or it was tampered with or moved."""


@lru_cache(maxsize=32)
def _key(material: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"sage-studio node job").derive(material.encode())


def seal(content: bytes, place: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key(settings.CREDENTIAL_KEYS[0])).encrypt(nonce, content, place.encode())


def unseal(box: bytes, place: str) -> bytes:
    """Raises CannotOpen."""
    for material in settings.CREDENTIAL_KEYS:
        try:
            return AESGCM(_key(material)).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError):
            continue
    raise CannotOpen


def digest(content: bytes) -> str:
    """A name for content that says nothing about it to whoever has no key."""
    return hmac.digest(_key(settings.CREDENTIAL_KEYS[0]), content, "sha256").hex()
