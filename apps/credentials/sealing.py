"""Envelope encryption of secrets: AES-256-GCM twice.

Each secret has a key of its own; that key is wrapped by the first of ``SAGE_CREDENTIAL_KEYS``,
whose id is stored beside it. Older keys in the list still open what they sealed, and rotation
wraps the small keys anew without touching the secrets. Every box is bound to its place (workspace,
row, kind), so that a box moved to another row does not open.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12
_KEY_BYTES = 32


class CannotOpen(Exception):
    """No configured key opens the box, or it was tampered with or moved."""


@dataclass(frozen=True, slots=True)
class Box:
    """A sealed secret as it is stored."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


@lru_cache(maxsize=32)
def _derived(material: str) -> tuple[str, bytes]:
    key = HKDF(hashes.SHA256(), _KEY_BYTES, salt=None, info=b"sage-studio credential key").derive(
        material.encode()
    )
    return hashlib.sha256(b"id" + key).hexdigest()[:16], key


def _keys() -> dict[str, bytes]:
    """Keys by id, the current one first."""
    return dict(_derived(material) for material in settings.CREDENTIAL_KEYS)


def current_key_id() -> str:
    return next(iter(_keys()))


def _encrypt(key: bytes, plain: bytes, place: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def _decrypt(key: bytes, sealed: bytes, place: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
    except InvalidTag as error:
        raise CannotOpen from error


def seal(fields: dict[str, str], place: str) -> Box:
    """Encrypt for ``place`` under the current key."""
    key_id = current_key_id()
    small_key = AESGCM.generate_key(_KEY_BYTES * 8)
    wrapped = _encrypt(_keys()[key_id], small_key, f"key {place}")
    return Box(key_id, wrapped, _encrypt(small_key, json.dumps(fields).encode(), place))


def _small_key(box: Box, place: str) -> bytes:
    key = _keys().get(box.key_id)
    if key is None:
        raise CannotOpen
    return _decrypt(key, box.wrapped_key, f"key {place}")


def unseal(box: Box, place: str) -> dict[str, str]:
    """The secret. Raises CannotOpen."""
    fields: dict[str, str] = json.loads(_decrypt(_small_key(box, place), box.ciphertext, place))
    return fields


def rewrap(box: Box, place: str) -> Box:
    """The same box under the current key. Raises CannotOpen."""
    key_id = current_key_id()
    return Box(key_id, _encrypt(_keys()[key_id], _small_key(box, place), f"key {place}"), box.ciphertext)


def seal_text(text: str, place: str) -> bytes:
    """A short-lived text under the current key, without a key of its own."""
    return _encrypt(_keys()[current_key_id()], text.encode(), f"text {place}")


def unseal_text(sealed: bytes, place: str) -> str:
    """Raises CannotOpen."""
    for key in _keys().values():
        try:
            return _decrypt(key, sealed, f"text {place}").decode()
        except CannotOpen:
            continue
    raise CannotOpen
