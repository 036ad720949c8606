"""Putting a credential on a request, and reading from its fields where it belongs.

What comes out says itself to which hosts it may go; the guarded client holds it to them at every hop.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sage_studio.egress import RequestSecret, host_is_allowed, plain_host
from sage_studio.sdk import CredentialKind


@dataclass(frozen=True, slots=True, repr=False)
class OpenedCredential:
    """A credential with its secret, for the code that uses it; not for logs (it has no repr).

    ``hosts`` are those it may be sent to; none: it stays in the worker. ``id`` is that of its row, if any.
    """

    name: str
    kind: CredentialKind
    fields: Mapping[str, str]
    hosts: tuple[str, ...]
    id: UUID | None = None

    @property
    def secrets(self) -> frozenset[str]:
        """Everything of it that must not be seen, also in the form it travels in."""
        found = {self.fields[name] for name in self.kind.secret_names if self.fields.get(name)}
        if self.kind.oauth2 is not None:
            found |= {
                self.fields[name] for name in ("access_token", "refresh_token") if self.fields.get(name)
            }
        if self.kind.placement.how == "basic":
            found.add(_basic(self.fields))
        return frozenset(found)


def is_held_by_nodes(opened: OpenedCredential, host: str, port: int | None) -> bool:
    """Whether a node may be given the fields, for use toward ``host``: those without hosts stay in the
    worker; those that name their host themselves go there."""
    if not opened.hosts:
        return True
    if host:
        return host_is_allowed(opened.hosts, host, port)
    return opened.kind.hosts_use == "from_fields"


def request_secret(opened: OpenedCredential) -> RequestSecret:
    """What the credential adds to a request toward its hosts."""
    place, fields = opened.kind.placement, opened.fields
    value = fields.get(place.field, "")
    headers, params = dict(place.extra_headers), {}
    if place.how == "standard_webhooks":
        return RequestSecret(opened.hosts, sign=lambda _m, _u, body: webhook_signature(value, body))
    if place.how in ("bearer", "oauth2"):
        headers["Authorization"] = f"Bearer {value}"
    elif place.how == "basic":
        headers["Authorization"] = f"Basic {_basic(fields)}"
    elif place.how == "header":
        prefix = fields.get(place.prefix_field, place.prefix)
        headers[fields.get(place.name_field) or place.name] = f"{prefix} {value}" if prefix else value
    elif place.how == "query":
        params[fields.get(place.name_field) or place.name] = value
    return RequestSecret(opened.hosts, headers=headers, params=params)


def _basic(fields: Mapping[str, str]) -> str:
    return base64.b64encode(f"{fields.get('username', '')}:{fields.get('password', '')}".encode()).decode()


def webhook_signature(secret: str, body: bytes, *, message_id: str = "", at: int = 0) -> dict[str, str]:
    """The three headers of the Standard Webhooks specification (v1, symmetric)."""
    message_id = message_id or f"msg_{secrets.token_urlsafe(18)}"
    stamp = str(at or int(time.time()))
    signed = f"{message_id}.{stamp}.".encode() + body
    digest = hmac.digest(webhook_key(secret), signed, hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def webhook_key(secret: str) -> bytes:
    """The bytes to sign with: what follows ``whsec_`` is base64, any other secret is taken as it is."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            return secret.encode()
    return secret.encode()


def hosts_from_fields(kind: CredentialKind, fields: Mapping[str, str]) -> tuple[str, ...]:
    """The hosts (``name:port``) that the fields of a credential name; the kind's own come first."""
    found = list(kind.hosts)
    for place in kind.host_fields:
        port = fields.get(place.port) or ""
        entries = filter(None, map(str.strip, fields.get(place.host, "").split(",")))
        found.extend(_host_and_port(entry, port, place.default_port) for entry in entries)
    return tuple(dict.fromkeys(found))


def _host_and_port(entry: str, port: str, default_port: int) -> str:
    """``name:port`` out of a host, ``host:port`` or an address."""
    parts = urlsplit(entry if "//" in entry else f"//{entry}")
    try:
        own = parts.port
    except ValueError:
        own = None
    usual = {"http": 80, "https": 443}.get(parts.scheme, default_port)
    return f"{plain_host(parts.hostname or entry)}:{own or port or usual}"
