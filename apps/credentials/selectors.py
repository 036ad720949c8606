"""Reading what may be shown of credentials: never the secret."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.common.errors import NotFound
from apps.credentials.models import Credential
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
