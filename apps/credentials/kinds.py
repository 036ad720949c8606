"""Which kinds of credentials a workspace knows: those of the product, and those of its plug-ins."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from sage_studio.plugins.credential_kinds import KindRegistry
from sage_studio.sdk import CredentialKind

# workspace → the kinds its plug-ins bring
Source = Callable[[uuid.UUID], Iterable[CredentialKind]]
_sources: list[Source] = []


def add_source(source: Source) -> None:
    """Ask ``source`` for further kinds from now on; called once, by the app that knows of plug-ins."""
    if source not in _sources:
        _sources.append(source)


def kinds_of(workspace_id: uuid.UUID) -> KindRegistry:
    return KindRegistry(kind for source in _sources for kind in source(workspace_id))


def kind_get(workspace_id: uuid.UUID, kind_id: str) -> CredentialKind | None:
    return kinds_of(workspace_id).get(kind_id)
