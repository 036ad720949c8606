"""Creating and deleting credentials."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.credentials import sealing
from apps.credentials.errors import NAME_TAKEN
from apps.credentials.models import Credential
from apps.credentials.services.boxes import place_of, put
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.credential_kinds.placing import hosts_from_fields
from sage_studio.sdk import CredentialKind


def credential_create(
    person: Person,
    workspace: Workspace,
    *,
    name: str,
    kind: CredentialKind,
    fields: Mapping[str, str],
    allowed_hosts: Sequence[str] = (),
) -> Credential:
    """Seal and keep a credential; ``fields`` are clean (see ``types.clean_fields``). Raises SageError
    ``credential.name_taken``."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.CREDENTIAL_MANAGE)
        if Credential.objects.filter(workspace=workspace, name=name).exists():
            raise SageError(NAME_TAKEN, {"name": name}, path="name")
        hosts = all_hosts(kind, fields, allowed_hosts)
        credential = Credential(
            workspace=workspace,
            name=name,
            kind=kind.id,
            allowed_hosts=hosts,
            public=public_part(kind, fields),
            header=fields.get("header", ""),
            prefix=fields.get("prefix", ""),
            created_by=person,
        )
        put(credential, sealing.seal(secret_part(kind, fields), place_of(credential)))
        credential.save(force_insert=True)
        facts: JsonObject = {"name": name, "kind": kind.id, "allowed_hosts": [*hosts]}
        record(person, "credential.created", workspace.pk, ("credential", credential.pk), after=facts)
    return credential


def all_hosts(kind: CredentialKind, fields: Mapping[str, str], named: Sequence[str]) -> list[str]:
    """The hosts a credential allows: those that follow from its fields, then those people named."""
    return list(dict.fromkeys((*hosts_from_fields(kind, fields), *named)))


def public_part(kind: CredentialKind, fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in kind.secret_names}


def secret_part(kind: CredentialKind, fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name in kind.secret_names}


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
