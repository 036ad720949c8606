"""What the server supplies to the nodes of a run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sage_studio.sdk.context import (
    BlobStore,
    FileStore,
    HttpClient,
    LlmClient,
    Notifier,
    StateMap,
    VectorStore,
)


class DjangoHost:
    """Implements ``sage_studio.engine.Host`` for one run."""

    http: HttpClient
    files: FileStore
    blobs: BlobStore
    vectors: VectorStore
    llm: LlmClient
    notifier: Notifier

    def __init__(
        self, *, workspace_id: uuid.UUID, flow_id: uuid.UUID, run_id: uuid.UUID, call: Any = None
    ) -> None:
        self.workspace_id = workspace_id

    def state(self, flow_id: str) -> StateMap:
        raise NotImplementedError

    async def credential(self, name: str) -> Mapping[str, str]:
        raise NotImplementedError
