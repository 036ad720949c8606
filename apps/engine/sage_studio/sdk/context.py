"""What a node may reach while it runs: its context and the ports behind it.

The engine gives every attempt one ``Context``. Hosts (the server, the command line, tests)
supply the stores behind it.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from sage_studio.kernel.json import Json, JsonObject
from sage_studio.sandbox.protocol import CodeRunner
from sage_studio.sdk.control import BodyFailed, BodyResult
from sage_studio.sdk.llm import LlmClient as LlmClient, LlmReply as LlmReply
from sage_studio.sdk.money import Price


class FileRef(TypedDict):
    """A ``File`` value as it travels between nodes; ``ref`` is opaque to the node."""

    name: str
    mime: str
    size_bytes: int
    ref: str


class FileStore(Protocol):
    """Files of the flow's workspace."""

    async def read(self, file: FileRef) -> bytes:
        """The whole content. Raises NodeError when the file is gone."""
        ...

    def stream(self, file: FileRef, *, chunk_bytes: int = 1 << 20) -> AsyncIterator[bytes]: ...

    async def write(self, name: str, mime: str, content: bytes | AsyncIterator[bytes]) -> FileRef:
        """Store atomically: the file appears whole or not at all."""
        ...


class BlobStore(Protocol):
    """Content-addressed values of the workspace; keys are ``sha256:…``."""

    async def put(self, content: bytes, *, mime: str = "application/octet-stream") -> str: ...

    async def get(self, key: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class VectorHit:
    """One retrieved entry; ``score`` is higher for better matches."""

    id: str
    text: str
    metadata: JsonObject
    score: float


class VectorStore(Protocol):
    """Named collections of embedded chunks in the workspace."""

    async def upsert(
        self,
        collection: str,
        ids: Sequence[str],
        vectors: Sequence[Sequence[float]],
        texts: Sequence[str],
        metadatas: Sequence[JsonObject],
        *,
        model: str,
        replace: bool = False,
    ) -> int:
        """Write entries, replacing equal ids; with ``replace`` they become the collection's whole
        content in one step. Returns how many the collection now holds.

        Raises NodeError when the dimensions or the model differ from the collection's.
        """
        ...

    async def search(
        self,
        collection: str,
        vector: Sequence[float],
        query: str,
        *,
        top_k: int,
        mode: str = "hybrid",
        where: JsonObject | None = None,
    ) -> list[VectorHit]:
        """The best ``top_k``; ``mode`` is ``vector``, ``keyword`` or ``hybrid``. ``where`` compares metadata:
        ``{"lang": "en", "year": {"gte": 2020}}``."""
        ...

    async def model(self, collection: str) -> str | None:
        """The embedding model the collection was written with, or None when it is empty."""
        ...


class HttpResponse(Protocol):
    """A finished response of the guarded client."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def url(self) -> str: ...

    @property
    def content(self) -> bytes: ...

    def text(self) -> str: ...

    def json(self) -> Json: ...


class StreamedResponse(Protocol):
    """An answer whose body is still to come; the body can be read once."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def url(self) -> str: ...

    def plain_headers(self) -> Mapping[str, str]:
        """Without those that describe how the body was packed on its way."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body, unpacked, as it comes."""
        ...

    async def read(self) -> bytes:
        """The whole body."""
        ...


class HttpClient(Protocol):
    """The one guarded client: addresses are checked, redirects re-checked, sizes capped."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Json = None,
        timeout_s: float = 30.0,
        max_bytes: int = 10 << 20,
        credential: str | None = None,
        follow: bool = True,
    ) -> HttpResponse:
        """Send one request. ``credential`` names a credential whose secret is put where its kind
        says, and only toward its allowed hosts.

        Raises NodeError with an ``http.*`` code when the address is refused or unreachable.
        """
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        content_length: int | None = None,
        json: Json = None,
        timeout_s: float = 30.0,
        idle_s: float = 60.0,
        max_bytes: int = 1 << 30,
        credential: str | None = None,
        follow: bool = True,
    ) -> AbstractAsyncContextManager[StreamedResponse]:
        """Send a request and read its answer while it comes. ``timeout_s`` bounds the time until the answer
        begins, ``idle_s`` the wait for each piece of it; uploads may come from an iterator."""
        ...

    async def connect(
        self,
        host: str,
        port: int,
        *,
        tls: bool = False,
        timeout_s: float = 10.0,
        credential: str | None = None,
    ) -> tuple[StreamReader, StreamWriter]:
        """A connection for another protocol than HTTP, to an address held to the same rules; with a
        ``credential`` only to a host that it allows."""
        ...

    async def address(self, host: str, port: int, *, credential: str | None = None) -> str:
        """The checked IP address that a driver with sockets of its own must connect to, once for every
        connection; TLS is to be checked against the real name. With a ``credential`` the host must be one
        that it allows."""
        ...

    def proxy(self, *, credential: str | None = None) -> AbstractAsyncContextManager[str]:
        """A proxy on loopback for libraries that open connections themselves; gives its address, with a
        secret in it. With a ``credential`` it leads only to the hosts that it allows."""
        ...

    def transport(self, *, credential: str | None = None) -> Any:
        """An ``httpx2.AsyncBaseTransport`` for libraries built on httpx2. With a ``credential`` the secret is
        put in its place on the way, and the library needs none."""
        ...


class Notifier(Protocol):
    """In-product notices to the people of the workspace."""

    async def notify(
        self, *, title: str, body: str, level: str = "info", link: str = "", key: str = ""
    ) -> None:
        """Tell everyone once: a second call with the same ``key`` changes nothing."""
        ...


StateScope: TypeAlias = Literal["run", "flow", "workspace"]


class StateMap(Protocol):
    """Values that are kept: for the run, by the flow between runs, or for all flows of the workspace."""

    async def get(self, key: str, default: Json = None, *, scope: StateScope = "flow") -> Json: ...

    async def set(self, key: str, value: Json, *, scope: StateScope = "flow") -> None: ...


class ItemExpression(Protocol):
    """A field whose ``expression`` is ``item``, compiled; evaluate it once per item. One that ``hands_over``
    to JavaScript (only in a field that says it may) is to be awaited: ``Settings.over``, ``fold``."""

    source: str
    hands_over: bool

    async def fold(self, items: Sequence[Any], start: int, carried: tuple[str, Any], code: CodeRunner) -> Any:
        """The value for the last item; each finds that of the one before under the name of ``carried``."""
        ...

    def evaluate(self, item: Any, index: int = 0, **given: Any) -> Any:
        """``given`` are the values of the field's ``item_names``."""
        ...


class Context(Protocol):
    """One attempt's view of the world. ``config`` has its expressions resolved."""

    config: Mapping[str, Any]
    run_id: str
    flow_id: str
    node_id: str
    iteration_path: str
    attempt: int
    idempotency_key: str
    deadline: datetime | None

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
    def state(self) -> StateMap: ...

    @property
    def code(self) -> CodeRunner:
        """Runs code that nobody has vouched for, away from this process."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the run was asked to stop; long loops check it."""
        ...

    def log(self, message: str, *, level: str = "info", **fields: Json) -> None:
        """Write a line to the run's log."""
        ...

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the work is; shown on the node's card."""
        ...

    def cost(self, micros: int, *, currency: str = "USD", what: str = "", **facts: Json) -> None:
        """Say that this attempt has spent ``micros`` millionths of a currency, on ``what``. Prompts to
        ``llm`` are counted without it."""
        ...

    async def afford(self, micros: int = 0, *, currency: str = "USD") -> None:
        """Ask before spending up to ``micros``. When the flow's budget does not cover it the run pauses
        here, and repeats this attempt once somebody has raised the budget."""
        ...

    async def price(self, model: str) -> Price | None:
        """What a model costs by the workspace's price table; None when nobody knows."""
        ...

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        """The fields of a credential of the workspace, by name; the use is recorded.

        ``host`` (and ``port``) are where the node is about to use it: one that is bound to hosts is given
        only toward those. A kind that holds its host among its fields (a database's) needs none. Raises
        NodeError ``credential.*``.
        """
        ...

    async def in_thread(self, function: Any, *args: Any) -> Any:
        """Run blocking work in the worker's bounded thread pool."""
        ...

    @property
    def sections(self) -> Sequence[str]:
        """The parts of a container's body that can be run; one, called ``""``, without sections."""
        ...

    async def body(
        self, index: int, given: Mapping[str, Any] | None = None, *, section: str = ""
    ) -> BodyResult:
        """Run the body of this container once, as its iteration number ``index``; ``given`` are the
        values of the ports its spec gives to the body.

        A finished iteration is never run again: after a crash the container starts over and its
        finished iterations answer at once, so a container must ask for the same iterations with the
        same values each time. Raises BodyFailed when the iteration failed.
        """
        ...

    async def chunk_size(self, count: int, *, at_once: int, wished: int = 0) -> int:
        """How many of ``count`` independent iterations of this container should go to another worker
        together (see ``bodies``), when ``at_once`` of them may be at work; 0 when they are to run here, one
        by one. ``wished`` is what people have set."""
        ...

    async def bodies(
        self, rounds: Sequence[tuple[int, Mapping[str, Any]]], *, stops_at_failure: bool = False
    ) -> Sequence[BodyResult | BodyFailed]:
        """Run several iterations, each with what it is given, on another worker, one after another. All of
        them are recorded together once they are done, and answer from there after a crash. With
        ``stops_at_failure`` none runs after the first that failed."""
        ...

    async def wait_until(self, at: float, *, name: str = "time") -> None:
        """Wait until ``at`` (seconds since the epoch). The wait is recorded: it survives crashes and
        restarts and goes on where it stood. Several waits of one attempt need different names."""
        ...

    async def wait_for(
        self, name: str, *, details: JsonObject | None = None, timeout_s: float | None = None
    ) -> Json:
        """Wait until somebody delivers the signal ``name`` to this node; returns its payload.
        ``details`` are shown to people meanwhile. Recorded as ``wait_until`` is.

        Raises NodeError ``node.wait_expired`` when ``timeout_s`` has passed.
        """
        ...

    async def flow(self, ref: str, inputs: Mapping[str, Any], *, version: str = "") -> Mapping[str, Any]:
        """Run another flow as a child of this run and return its outputs; started once, however
        often this attempt is taken up. Raises BodyFailed when the child failed."""
        ...
