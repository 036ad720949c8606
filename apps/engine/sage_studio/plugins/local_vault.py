"""Credentials of runs without a server: they come from the environment.

``SAGE_CREDENTIAL_<NAME>`` holds the secret, or a JSON object with the fields of a kind and its name
(``{"kind": "postgresql", "host": …}``); ``SAGE_CREDENTIAL_<NAME>_HOSTS`` the hosts it may be sent to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sage_studio.egress import RequestSecret, host_is_allowed
from sage_studio.kernel import define_error
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from sage_studio.plugins.credential_kinds.placing import (
    OpenedCredential,
    hosts_from_fields,
    is_held_by_nodes,
    request_secret,
)
from sage_studio.sdk import CredentialKind, NodeError

NO_CREDENTIAL = define_error(
    "local.no_credential",
    3252,
    en="There is no credential “{name}”.",
    zh="没有名为“{name}”的凭据。",
    hint_en="Set {variable} (and {variable}_HOSTS for one that is sent to a host).",
    hint_zh="请设置 {variable}（需要发送到主机的凭据还要设置 {variable}_HOSTS）。",
    status=422,
)


class LocalVault:
    """``seen`` is told every secret that is used."""

    def __init__(self, environ: Mapping[str, str], seen: set[str]) -> None:
        self._environ = environ
        self._seen = seen

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        """The fields, toward a host it allows. Raises NodeError ``local.no_credential``."""
        opened = self._open(name)
        if not is_held_by_nodes(opened, host, port):
            raise _missing(f"{name} → {host}" if host else name)
        return opened.fields

    async def request_secret(self, name: str, host: str, port: int | None) -> RequestSecret:
        await self.allow(name, host, port)
        return request_secret(self._open(name))

    async def allow(self, name: str, host: str, port: int | None) -> None:
        if not host_is_allowed(self._open(name).hosts, host, port):
            raise _missing(f"{name} → {host}")

    def _open(self, name: str) -> OpenedCredential:
        held = self._environ.get(_variable(name), "")
        if not held:
            raise _missing(name)
        kind, fields = _read(held)
        listed = self._environ.get(f"{_variable(name)}_HOSTS", "").split(",")
        hosts = tuple(host.strip().lower() for host in listed if host.strip())
        opened = OpenedCredential(name, kind, fields, (*hosts_from_fields(kind, fields), *hosts))
        self._seen.update(opened.secrets)
        return opened


def _read(held: str) -> tuple[CredentialKind, dict[str, str]]:
    if held.lstrip().startswith("{"):
        try:
            shape = json.loads(held)
            kind = BUILTIN_KINDS[shape.pop("kind", "api_key")]
        except (ValueError, KeyError):
            return _filled(BUILTIN_KINDS["api_key"], {"api_key": held})
        return _filled(kind, {name: str(value) for name, value in shape.items()})
    return _filled(BUILTIN_KINDS["api_key"], {"api_key": held})


def _filled(kind: CredentialKind, fields: dict[str, str]) -> tuple[CredentialKind, dict[str, str]]:
    defaults = {field.name: str(field.default) for field in kind.fields if field.default is not None}
    return kind, {**defaults, **fields}


def _missing(name: str) -> NodeError:
    return NodeError(NO_CREDENTIAL, {"name": name, "variable": _variable(name.split(" → ", maxsplit=1)[0])})


def _variable(name: str) -> str:
    return "SAGE_CREDENTIAL_" + re.sub(r"[^A-Z0-9]+", "_", name.upper())
