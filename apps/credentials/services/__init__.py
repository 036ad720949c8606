"""Creating, using, rotating and deleting credentials."""

from __future__ import annotations

from apps.credentials.kinds import add_source as kind_source_add
from apps.credentials.services.changing import credential_draft, credential_update
from apps.credentials.services.keeping import credential_create, credential_delete
from apps.credentials.services.rotating import credentials_rotate
from apps.credentials.services.tokens import (
    app_signs_in,
    connect_begin,
    connect_finish,
    connect_take,
    token_fresh,
)
from apps.credentials.services.using import (
    credential_allow,
    credential_fields,
    credential_for_host,
    credential_open,
    credential_used,
)
from apps.credentials.services.variables import (
    variable_create,
    variable_delete,
    variable_update,
    variables_for_run,
)

__all__ = [
    "app_signs_in",
    "connect_begin",
    "connect_finish",
    "connect_take",
    "credential_allow",
    "credential_create",
    "credential_delete",
    "credential_draft",
    "credential_fields",
    "credential_for_host",
    "credential_open",
    "credential_update",
    "credential_used",
    "credentials_rotate",
    "kind_source_add",
    "token_fresh",
    "variable_create",
    "variable_delete",
    "variable_update",
    "variables_for_run",
]
