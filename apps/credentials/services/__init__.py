"""Creating, using, rotating and deleting credentials."""

from __future__ import annotations

from apps.credentials.services.keeping import credential_create, credential_delete
from apps.credentials.services.rotating import credentials_rotate
from apps.credentials.services.using import credential_allow, credential_fields, credential_for_host

__all__ = [
    "credential_allow",
    "credential_create",
    "credential_delete",
    "credential_fields",
    "credential_for_host",
    "credentials_rotate",
]
