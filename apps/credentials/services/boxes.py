"""Between a credential's row and its sealed fields."""

from __future__ import annotations

from apps.credentials import sealing
from apps.credentials.errors import UNREADABLE
from apps.credentials.models import Credential
from sage_studio.kernel import SageError


def place_of(credential: Credential) -> str:
    """What a box is bound to; the kind of a credential never changes."""
    return f"{credential.workspace_id}/{credential.pk}/{credential.kind}"


def box_of(credential: Credential) -> sealing.Box:
    return sealing.Box(credential.key_id, bytes(credential.wrapped_key), bytes(credential.ciphertext))


def put(credential: Credential, box: sealing.Box) -> None:
    credential.key_id, credential.wrapped_key, credential.ciphertext = (
        box.key_id,
        box.wrapped_key,
        box.ciphertext,
    )


def secrets_of(credential: Credential) -> dict[str, str]:
    """The sealed fields. Raises SageError ``credential.unreadable``."""
    try:
        return sealing.unseal(box_of(credential), place_of(credential))
    except sealing.CannotOpen as error:
        raise SageError(UNREADABLE, {"name": credential.name}) from error
