"""What the place a run happens in supplies to its nodes: the server, the command line, or a test.

A host belongs to one run (so it knows the workspace and the flow); the engine asks it for
nothing but what a node's ``Context`` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sage_studio.flow.document import Budget
from sage_studio.kernel import Json
from sage_studio.sdk.context import (
    BlobStore,
    FileStore,
    HttpClient,
    LlmClient,
    Notifier,
    StateMap,
    VectorStore,
)
from sage_studio.sdk.money import Price


class Allowance(NamedTuple):
    """A budget a run is under: all of it, and what others than this run have spent of it."""

    limit_micros: int
    currency: str
    elsewhere_micros: int = 0


class NodeCache(Protocol):
    """Outputs by content hash (see ``engine.cache``)."""

    async def get(self, key: str) -> Mapping[str, Any] | None: ...

    async def put(self, key: str, outputs: Mapping[str, Any]) -> None: ...


class Host(Protocol):
    """The stores and clients behind a run's contexts; all are used on the run's event loop."""

    @property
    def secrets_seen(self) -> Collection[str]:
        """Secrets nodes were given, or the clients below have sent for them; blotted in all the run says."""
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

    @property
    def cache(self) -> NodeCache | None:
        """Where outputs of pure nodes are kept between runs; None where nothing is."""
        ...

    def state(self, flow_id: str) -> StateMap: ...

    async def price(self, model: str) -> Price | None:
        """What a model costs here; None when nobody knows."""
        ...

    async def allowances(self, budget: Budget | None) -> Sequence[Allowance]:
        """The budgets the run is under: its flow's own (``budget``, or what a person has made of it) and
        those of the runs it was started by, each with what others than this run have spent of it."""
        ...

    async def start_flow(
        self,
        ref: str,
        inputs: Mapping[str, Any],
        *,
        version: str,
        key: str,
        deliver: Callable[[Json], None],
    ) -> str:
        """Start another flow as a child of this run and return the child's run id; once per ``key``,
        however often it is asked.

        When the child has ended, ``{"run_id", "state", "outputs", "error"}`` reaches the parent as the
        signal ``key``: through ``deliver``, or through the run's own signals.
        """
        ...

    async def cancel_flow(self, child_id: str, *, is_let_go: bool) -> None:
        """Ask a child to end, because nobody here waits for it any more. When the run is let go, its child
        is to go on wherever somebody else can take the run up and find it."""
        ...

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        """The fields of a credential, for a node that must hold them itself and uses them toward ``host``;
        what of them is secret is added to ``secrets_seen``.

        Raises SageError when there is no such credential or the run may not use it.
        """
        ...
