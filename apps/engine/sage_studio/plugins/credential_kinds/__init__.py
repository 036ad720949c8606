"""The kinds of credentials that come with the product, and the hosts that follow from their fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sage_studio.plugins.credential_kinds.accounts import ACCOUNT_KINDS
from sage_studio.plugins.credential_kinds.chats import CHAT_KINDS
from sage_studio.plugins.credential_kinds.models import MODEL_KINDS
from sage_studio.plugins.credential_kinds.servers import SERVER_KINDS
from sage_studio.plugins.credential_kinds.web import WEB_KINDS
from sage_studio.sdk import CredentialKind

BUILTIN_KINDS: Mapping[str, CredentialKind] = MappingProxyType(
    {kind.id: kind for kind in (*WEB_KINDS, *MODEL_KINDS, *ACCOUNT_KINDS, *SERVER_KINDS, *CHAT_KINDS)}
)


class KindRegistry:
    """The kinds of one place: those that come with the product, and those of its plug-ins."""

    def __init__(self, more: Iterable[CredentialKind] = ()) -> None:
        self._kinds = dict(BUILTIN_KINDS)
        for kind in more:
            if kind.id not in BUILTIN_KINDS:
                self._kinds[kind.id] = kind

    def get(self, kind_id: str) -> CredentialKind | None:
        return self._kinds.get(kind_id)

    def all(self) -> list[CredentialKind]:
        return list(self._kinds.values())
