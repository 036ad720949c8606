"""Changing a credential without showing what it holds."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.credentials import sealing
from apps.credentials.errors import NAME_TAKEN, SECRET_AGAIN, UNKNOWN_KIND
from apps.credentials.kinds import kind_get
from apps.credentials.models import Credential
from apps.credentials.services.boxes import place_of, put, secrets_of
from apps.credentials.services.keeping import all_hosts, public_part, secret_part
from apps.credentials.services.using import credential_open
from apps.credentials.types import clean_fields
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.credential_kinds.placing import OpenedCredential, hosts_from_fields

_APP_FIELDS = ("grant", "client_id", "token_url", "authorize_url", "scopes", "audience")


def credential_update(
    person: Person,
    workspace: Workspace,
    credential_id: uuid.UUID,
    *,
    name: str | None = None,
    fields: Mapping[str, str] | None = None,
    allowed_hosts: Sequence[str] | None = None,
) -> Credential:
    """Change what is given; secrets that are left out or empty stay.

    A secret goes to a further host only when it is given again: whoever does not know it cannot have it
    sent to themselves. Raises NotFound, FieldProblem, SageError ``credential.name_taken`` and
    ``credential.secret_again``.
    """
    with write_transaction():
        policies.require(person, workspace.pk, Action.CREDENTIAL_MANAGE)
        credential = (
            Credential.objects.select_for_update().filter(workspace=workspace, pk=credential_id).first()
        )
        if credential is None:
            raise NotFound
        before = _facts(credential)
        if name is not None and name != credential.name:
            _rename(credential, name)
        renewed: list[str] = []
        if fields is not None or allowed_hosts is not None:
            renewed = _refill(credential, fields or {}, allowed_hosts)
        credential.save()
        after: JsonObject = {**_facts(credential), "secrets_renewed": [*renewed]}
        target = ("credential", credential.pk)
        record(person, "credential.changed", workspace.pk, target, before=before, after=after)
    return credential


def credential_draft(
    credential: Credential, given: Mapping[str, str], named: Sequence[str]
) -> OpenedCredential:
    """What a credential would be with these changes, to be tried out before they are kept. Raises as
    ``credential_update`` does."""
    _refill(credential, given, named)
    return credential_open(credential)


def _facts(credential: Credential) -> JsonObject:
    return {
        "name": credential.name,
        "allowed_hosts": [*credential.allowed_hosts],
        "fields": dict(credential.public),
    }


def _rename(credential: Credential, name: str) -> None:
    if Credential.objects.filter(workspace_id=credential.workspace_id, name=name).exists():
        raise SageError(NAME_TAKEN, {"name": name}, path="name")
    credential.name = name


def _refill(credential: Credential, given: Mapping[str, str], named: Sequence[str] | None) -> list[str]:
    """Set fields and hosts; the names of the secrets that were given anew."""
    kind = kind_get(credential.workspace_id, credential.kind)
    if kind is None:
        raise SageError(UNKNOWN_KIND, {"name": credential.name, "kind": credential.kind})
    secrets = secrets_of(credential)
    # A kind whose new version shows a field that used to be secret does not get the old secret to show.
    kept = {**credential.public, **{name: secrets[name] for name in kind.secret_names if name in secrets}}
    fields = clean_fields(kind, given, kept=kept)
    own = set(hosts_from_fields(kind, kept))
    people = [host for host in credential.allowed_hosts if host not in own] if named is None else named
    hosts = all_hosts(kind, fields, people)
    renewed = [name for name in kind.secret_names if given.get(name)]
    stay = [name for name in kind.secret_names if secrets.get(name) and not given.get(name)]
    if stay or (not renewed and any(secrets.values())):
        _require_same_places(credential, fields, hosts)
    # Tokens, which the vault keeps beside people's fields, are good for the same app at the same place only.
    is_same_app = all(fields.get(name) == kept.get(name) for name in _APP_FIELDS) and not renewed
    held = {name: value for name, value in secrets.items() if is_same_app and kind.field(name) is None}
    if not held:
        credential.connected_at = credential.token_expires_at = None
        credential.broken = ""
    credential.public = public_part(kind, fields)
    credential.allowed_hosts = hosts
    credential.header, credential.prefix = fields.get("header", ""), fields.get("prefix", "")
    put(credential, sealing.seal({**secret_part(kind, fields), **held}, place_of(credential)))
    return renewed


def _require_same_places(credential: Credential, fields: Mapping[str, str], hosts: Sequence[str]) -> None:
    further = set(hosts) - set(credential.allowed_hosts)
    if fields.get("token_url", "") != credential.public.get("token_url", ""):
        further.add(fields["token_url"])
    if further:
        raise SageError(SECRET_AGAIN, {"hosts": ", ".join(sorted(further))}, path="fields")
