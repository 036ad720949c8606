"""Reading what may be shown of credentials: never the secret."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.common.errors import NotFound
from apps.credentials.models import Credential, CredentialUse, Variable
from apps.workspaces.models import Workspace


def credential_list(workspace: Workspace) -> QuerySet[Credential]:
    """To be paged; the sealed parts are not loaded."""
    return Credential.objects.filter(workspace=workspace).defer("wrapped_key", "ciphertext")


def credential_get(workspace: Workspace, credential_id: uuid.UUID) -> Credential:
    """Raises NotFound."""
    found = credential_list(workspace).filter(pk=credential_id).first()
    if found is None:
        raise NotFound
    return found


def credential_uses(credential: Credential) -> QuerySet[CredentialUse]:
    """To be paged."""
    return CredentialUse.objects.filter(credential=credential)


def variable_list(workspace: Workspace) -> QuerySet[Variable]:
    """To be paged; what is sealed is not loaded."""
    return Variable.objects.filter(workspace=workspace).defer("wrapped_key", "ciphertext")


def variable_names(workspace_id: uuid.UUID) -> set[str]:
    """The names that expressions may read, in whatever environment."""
    return set(Variable.objects.filter(workspace_id=workspace_id).values_list("name", flat=True))


def variable_is_secret(workspace: Workspace, variable_id: uuid.UUID) -> bool:
    """Raises NotFound."""
    found = variable_list(workspace).filter(pk=variable_id).first()
    if found is None:
        raise NotFound
    return found.is_secret
