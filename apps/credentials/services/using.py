"""Opening credentials toward the hosts they allow, on the record."""

from __future__ import annotations

import uuid

from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.credentials.errors import HOST_NOT_ALLOWED, ONLY_BY_HTTP, UNKNOWN, UNKNOWN_KIND
from apps.credentials.kinds import kind_get
from apps.credentials.models import Credential, CredentialUse
from apps.credentials.services.boxes import secrets_of
from sage_studio.egress import host_is_allowed
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds.placing import OpenedCredential, is_held_by_nodes


def credential_for_host(
    workspace_id: uuid.UUID,
    name: str,
    host: str,
    *,
    port: int | None = None,
    run_id: uuid.UUID | None = None,
    person: Person | None = None,
) -> OpenedCredential:
    """The credential, for sending to ``host``; the use is recorded.

    Raises SageError ``credential.unknown``, ``credential.host_not_allowed`` or ``credential.unreadable``.
    """
    credential = _named(workspace_id, name)
    _check_host(credential, host, port)
    opened = credential_open(credential)
    credential_used(credential, run_id, host[:260], person)
    return opened


def credential_allow(workspace_id: uuid.UUID, name: str, host: str, port: int | None) -> None:
    """Raises SageError ``credential.*`` when a credential may not be used toward a host."""
    _check_host(_named(workspace_id, name), host, port)


def credential_fields(
    workspace_id: uuid.UUID,
    name: str,
    *,
    host: str = "",
    port: int | None = None,
    run_id: uuid.UUID | None = None,
) -> OpenedCredential:
    """The credential for a node that holds it itself and uses it toward ``host``; the use is recorded.

    One that is bound to hosts is given toward those only; one that names its host among its fields goes
    there. Raises SageError ``credential.*``.
    """
    credential = _named(workspace_id, name)
    opened = credential_open(credential)
    if not is_held_by_nodes(opened, host, port):
        if host:
            _check_host(credential, host, port)
        raise SageError(ONLY_BY_HTTP, {"name": name})
    toward = host or (opened.hosts[0] if opened.hosts else "")
    credential_used(credential, run_id, toward[:260], None)
    return opened


def credential_open(credential: Credential) -> OpenedCredential:
    """A credential with its secret. Raises SageError ``credential.unreadable`` or ``credential.no_kind``."""
    kind = kind_get(credential.workspace_id, credential.kind)
    if kind is None:
        raise SageError(UNKNOWN_KIND, {"name": credential.name, "kind": credential.kind})
    fields = {**credential.public, **secrets_of(credential)}
    hosts = tuple(credential.allowed_hosts)
    return OpenedCredential(credential.name, kind, fields, hosts, id=credential.pk)


def credential_used(
    credential: Credential, run_id: uuid.UUID | None, host: str, person: Person | None
) -> None:
    """Record a use; the same run toward the same host counts once."""
    if (
        run_id is not None
        and CredentialUse.objects.filter(credential=credential, run_id=run_id, host=host).exists()
    ):
        return
    with write_transaction():
        CredentialUse.objects.get_or_create(credential=credential, run_id=run_id, host=host)
        Credential.objects.filter(pk=credential.pk).update(last_used_at=timezone.now())
        facts = {"name": credential.name, "host": host, "run_id": str(run_id) if run_id else None}
        target = ("credential", credential.pk)
        record(person, "credential.used", credential.workspace_id, target, after={**facts})


def _named(workspace_id: uuid.UUID, name: str) -> Credential:
    credential = Credential.objects.filter(workspace_id=workspace_id, name=name).first()
    if credential is None:
        raise SageError(UNKNOWN, {"name": name})
    return credential


def _check_host(credential: Credential, host: str, port: int | None) -> None:
    if not host_is_allowed(tuple(credential.allowed_hosts), host, port):
        allowed = ", ".join(credential.allowed_hosts) or "–"
        facts = {"name": credential.name, "host": host[:260], "allowed": allowed}
        raise SageError(HOST_NOT_ALLOWED, {**facts})
