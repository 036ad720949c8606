"""What the place a run happens in supplies to its nodes: the server, the command line, or a test.

A host belongs to one run (so it knows the workspace and the flow); the engine asks it for
nothing but what a node's ``Context`` shows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from sage_studio.sdk.context import (
    BlobStore,
    FileStore,
    HttpClient,
    LlmClient,
    Notifier,
    StateMap,
    VectorStore,
)


class Host(Protocol):
    """The stores and clients behind a run's contexts; all are used on the run's event loop."""

    @property
    def secrets_seen(self) -> Collection[str]:
        """Secrets the clients below have sent on behalf of nodes; blotted in all the run says."""
        ...

    @property
    def http(self) -> HttpClient: ...

    @property
    def files(self) -> FileStore: ...

    @property
    def blobs(self) -> BlobStore: ...

    @property
    def vectors(self) -> VectorStore: ...

    @property
    def llm(self) -> LlmClient: ...

    @property
    def notifier(self) -> Notifier: ...

    def state(self, flow_id: str) -> StateMap: ...

    async def credential(self, name: str) -> Mapping[str, str]:
        """The secret fields of a credential, for a node that must hold them itself.

        Raises SageError when there is no such credential or the run may not use it.
        """
        ...
