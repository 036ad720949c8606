"""Creating, using, rotating and deleting credentials."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import structlog
from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.credentials import sealing
from apps.credentials.errors import HOST_NOT_ALLOWED, NAME_TAKEN, ONLY_BY_HTTP, UNKNOWN, UNREADABLE
from apps.credentials.models import Credential, CredentialUse
from apps.credentials.types import Kind
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError

logger = structlog.get_logger(__name__)
_ROTATION_BATCH = 200


@dataclass(frozen=True, slots=True, repr=False)
class OpenCredential:
    """A credential with its secret, for the code that sends it; not for logs (it has no repr)."""

    name: str
    secret: str
    header: str
    prefix: str
    allowed_hosts: tuple[str, ...]

    @property
    def header_value(self) -> str:
        return f"{self.prefix} {self.secret}" if self.prefix else self.secret


def _place(credential: Credential) -> str:
    return f"{credential.workspace_id}/{credential.pk}/{credential.kind}"


def _box(credential: Credential) -> sealing.Box:
    return sealing.Box(credential.key_id, bytes(credential.wrapped_key), bytes(credential.ciphertext))


def _put(credential: Credential, box: sealing.Box) -> None:
    credential.key_id, credential.wrapped_key, credential.ciphertext = (
        box.key_id,
        box.wrapped_key,
        box.ciphertext,
    )


def credential_create(
    person: Person,
    workspace: Workspace,
    *,
    name: str,
    kind: Kind,
    fields: dict[str, str],
    allowed_hosts: list[str],
    header: str,
    prefix: str,
) -> Credential:
    """Seal and keep a secret. Raises SageError ``credential.name_taken``."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.CREDENTIAL_MANAGE)
        if Credential.objects.filter(workspace=workspace, name=name).exists():
            raise SageError(NAME_TAKEN, {"name": name}, path="name")
        credential = Credential(
            workspace=workspace,
            name=name,
            kind=kind,
            allowed_hosts=allowed_hosts,
            header=header,
            prefix=prefix,
            created_by=person,
        )
        _put(credential, sealing.seal(fields, _place(credential)))
        credential.save(force_insert=True)
        facts: JsonObject = {"name": name, "kind": kind.value, "allowed_hosts": [*allowed_hosts]}
        record(person, "credential.created", workspace.pk, ("credential", credential.pk), after=facts)
    return credential


def credential_delete(person: Person, workspace: Workspace, credential_id: uuid.UUID) -> None:
    """Raises NotFound."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.CREDENTIAL_MANAGE)
        credential = Credential.objects.filter(workspace=workspace, pk=credential_id).first()
        if credential is None:
            raise NotFound
        target = ("credential", credential.pk)
        record(person, "credential.deleted", workspace.pk, target, before={"name": credential.name})
        credential.delete()


def _open(credential: Credential) -> OpenCredential:
    try:
        fields = sealing.unseal(_box(credential), _place(credential))
    except sealing.CannotOpen as error:
        raise SageError(UNREADABLE, {"name": credential.name}) from error
    return OpenCredential(
        name=credential.name,
        secret=fields["api_key"],
        header=credential.header,
        prefix=credential.prefix,
        allowed_hosts=tuple(credential.allowed_hosts),
    )


def _use(credential: Credential, run_id: uuid.UUID | None, host: str, person: Person | None) -> None:
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


def host_is_allowed(allowed: tuple[str, ...], host: str, port: int | None = None) -> bool:
    """Whether exactly this host is named; one named with a port allows that port only."""
    name = host.lower().removesuffix(".")
    return name in allowed or (port is not None and f"{name}:{port}" in allowed)


def credential_for_host(
    workspace_id: uuid.UUID,
    name: str,
    host: str,
    *,
    port: int | None = None,
    run_id: uuid.UUID | None = None,
    person: Person | None = None,
) -> OpenCredential:
    """The credential, for sending to ``host``; the use is recorded.

    Raises SageError ``credential.unknown``, ``credential.host_not_allowed`` or ``credential.unreadable``.
    """
    credential = _named(workspace_id, name)
    if not host_is_allowed(tuple(credential.allowed_hosts), host, port):
        allowed = ", ".join(credential.allowed_hosts) or "–"
        raise SageError(HOST_NOT_ALLOWED, {"name": name, "host": host[:260], "allowed": allowed})
    opened = _open(credential)
    _use(credential, run_id, host[:260], person)
    return opened


def credential_secret(workspace_id: uuid.UUID, name: str, run_id: uuid.UUID | None = None) -> dict[str, str]:
    """The secret fields, for a node that uses them inside the worker; the use is recorded.

    Only for credentials without hosts: one that is bound to hosts travels by the guarded client,
    which alone can hold it to them. Raises SageError ``credential.*``.
    """
    credential = _named(workspace_id, name)
    if credential.allowed_hosts:
        raise SageError(ONLY_BY_HTTP, {"name": name})
    opened = _open(credential)
    _use(credential, run_id, "", None)
    return {"api_key": opened.secret}


def credentials_rotate() -> tuple[int, int]:
    """Wrap every credential under the current key; returns (rewrapped, unreadable).

    Works in small transactions and skips what is done, so that it can be stopped and run again.
    """
    done = failed = 0
    last: uuid.UUID | None = None
    while True:
        waiting = Credential.objects.exclude(key_id=sealing.current_key_id()).order_by("pk")
        batch = list((waiting.filter(pk__gt=last) if last else waiting)[:_ROTATION_BATCH])
        if not batch:
            return done, failed
        last = batch[-1].pk
        for credential in batch:
            try:
                box = sealing.rewrap(_box(credential), _place(credential))
            except sealing.CannotOpen:
                failed += 1
                logger.error("credential_unreadable", credential_id=str(credential.pk))
                continue
            old = credential.key_id
            _put(credential, box)
            changed = {"key_id": box.key_id, "wrapped_key": box.wrapped_key}
            done += Credential.objects.filter(pk=credential.pk, key_id=old).update(**changed)
