"""Invitation tokens: made from the invitation's id and the secret key, never stored."""

from __future__ import annotations

import uuid

from django.conf import settings

from apps.common import sealed_ids

_PURPOSE = "invitation"


def token_for(invitation_id: uuid.UUID) -> str:
    """The token in the link."""
    return sealed_ids.token_for(_PURPOSE, invitation_id)


def url_for(invitation_id: uuid.UUID) -> str:
    """The link people open."""
    return f"{settings.CONFIG.address}/invite/{token_for(invitation_id)}"


def id_in(token: str) -> uuid.UUID | None:
    """The invitation a token belongs to; None when it was not made here."""
    return sealed_ids.id_in(_PURPOSE, token)
