"""Streams as a node author sees them: what comes in, what goes out, and many items at once.

A node that reads a stream gets an ``ItemStream`` on that input. A node that gives one is an
async generator of partial outputs (``yield {"items": item}``); ``Chunk`` and ``Rows`` hand over
many items in one step, which costs a thousandth of handing them over one by one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, ClassVar, TypeAlias, TypeVar, overload

from sage_studio.kernel.json import Json
from sage_studio.sdk.context import Context
from sage_studio.sdk.node import Node, NodeOutput

R = TypeVar("R")
Convert: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


class Chunk(list[Any]):
    """Several items of a stream at once: ``yield {"items": Chunk(found)}``."""

    __slots__ = ()


class Lazy:
    """A column that is made when it is first asked for: every ``step``-th of ``values`` from
    ``start``, those that all ``picks`` choose, then ``convert``."""

    __slots__ = ("convert", "picks", "start", "step", "values")

    def __init__(
        self,
        values: Sequence[Any],
        start: int = 0,
        step: int = 1,
        convert: Convert | None = None,
        picks: tuple[Sequence[bool], ...] = (),
    ) -> None:
        self.values = values
        self.start = start
        self.step = step
        self.convert = convert
        self.picks = picks

    def picked(self, chosen: Sequence[bool]) -> Lazy:
        return Lazy(self.values, self.start, self.step, self.convert, (*self.picks, chosen))

    def made(self) -> Sequence[Any]:
        column = self.values if self.step == 1 else self.values[self.start :: self.step]
        for chosen in self.picks:
            column = list(compress(column, chosen))
        return column if self.convert is None else self.convert(column)


class Rows(Sequence[dict[str, Any]]):
    """Several objects of equal shape, kept as columns: a fraction of the memory and time of dicts.

    Reads as a sequence of dicts, which are made when somebody asks for them. A column may be a
    ``Lazy``: most columns of a wide file are never looked at. Columns are shared between chunks and
    must not be changed in place.
    """

    __slots__ = ("_held", "_length", "_make")

    def __init__(self, columns: Mapping[str, Sequence[Any] | Lazy], length: int) -> None:
        self._held: dict[str, Sequence[Any] | Lazy] = dict(columns)
        self._length = length
        self._make: Callable[[], Rows] | None = None

    @classmethod
    def later(cls, length: int, make: Callable[[], Rows]) -> Rows:
        """So many rows, made when somebody looks at them."""
        rows = cls({}, length)
        rows._make = make
        return rows

    def held(self) -> dict[str, Sequence[Any] | Lazy]:
        """The columns, those nobody has asked for as they wait to be made."""
        if self._make is not None:
            self._held = self._make().held()
            self._make = None
        return self._held

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.held())

    def column(self, name: str) -> Sequence[Any] | None:
        """The values of a column, or None when no object has it."""
        columns = self.held()
        column = columns.get(name)
        if isinstance(column, Lazy):
            columns[name] = column = column.made()
        return column

    def select(self, chosen: Sequence[bool]) -> Rows:
        """The rows whose entry in ``chosen`` is true."""
        picked = {
            name: column.picked(chosen) if isinstance(column, Lazy) else Lazy(column, picks=(chosen,))
            for name, column in self.held().items()
        }
        return Rows(picked, sum(chosen))

    def with_columns(self, columns: Mapping[str, Sequence[Any]], *, only: bool = False) -> Rows:
        """The same rows with more columns, or with these alone."""
        return Rows(columns if only else {**self.held(), **columns}, self._length)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self.names
        if not names:
            return iter([{} for _ in range(self._length)])
        columns = [self.column(name) or () for name in names]
        return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Rows: ...

    def __getitem__(self, index: int | slice) -> dict[str, Any] | Rows:
        if isinstance(index, slice):
            columns = {name: (self.column(name) or ())[index] for name in self.held()}
            return Rows(columns, len(range(*index.indices(self._length))))
        return {name: (self.column(name) or ())[index] for name in self.held()}


def is_many(value: object) -> bool:
    """Whether a value given to a stream port stands for several items."""
    return type(value) is Rows or isinstance(value, (Chunk, Rows))


class ItemStream(ABC):
    """The consuming end of a stream; one reader at a time.

    ``async for item in stream`` gives items one by one, ``async for chunk in stream.chunks()``
    gives them as they travel. Leaving early with ``await stream.aclose()`` tells the producer,
    which stops. An error of the producer ends the whole pipeline, so a reader sees only items
    and the end.

    Asking for more says that everything derived from what came before has been given: that is
    the moment at which the engine may take a checkpoint (``Node.snapshot``).
    """

    @abstractmethod
    def chunks(self, *, every_s: float | None = None) -> AsyncIterator[Sequence[Any]]:
        """Items as they travel. With ``every_s`` an empty chunk comes when nothing else did for so
        long: the turn of nodes that act by the clock."""

    @abstractmethod
    def parallel_map(
        self, work: Callable[[Any], Awaitable[R]], *, limit: int = 8, ordered: bool = True
    ) -> AsyncIterator[R]:
        """``work`` over every item, at most ``limit`` at once, results in the items' order (or as
        they come). The first failure ends it and cancels the rest."""

    @abstractmethod
    def merge(self, *others: ItemStream) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        """Chunks of this stream (0) and others (1, 2, …) as they come. Reading several streams this
        way, rather than one after the other, keeps queues and checkpoints small."""

    @abstractmethod
    async def collect(self, *, limit: int = 100_000) -> list[Any]:
        """All items as a list. Raises SageError ``stream.too_long`` beyond ``limit``."""

    @abstractmethod
    async def aclose(self) -> None:
        """Read no more; when nobody else reads either, the producer is closed."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Any]: ...


def as_stream(value: object) -> ItemStream | None:
    """The stream on an input, or None when it holds a plain value (the node runs in a batch)."""
    return value if isinstance(value, ItemStream) else None


class StreamNode(Node):
    """A node that works on streams, item by item, in memory that does not grow with them.

    A class that has ``run`` as well uses it where its inputs are plain lists; one that has only
    ``stream`` gets its lists fed as streams and its outputs gathered into lists.

    ``snapshot`` and ``restore`` make the node's state part of a checkpoint. They are called between
    two items: when the node asks for more, or, for a source, right behind a ``yield``. A source's
    state is its position, set before the ``yield`` of what lies in front of it; a source that waits
    for the outside world yields ``{}`` now and then, so that checkpoints go on.
    """

    @abstractmethod
    def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        """An async generator of partial outputs. Inputs that carry a stream hold an ``ItemStream``."""

    def run(self, ctx: Context, inputs: Mapping[str, Any]) -> Any:
        """Only for inputs without streams; the default leaves all to ``stream``."""
        return self.stream(ctx, inputs)

    def snapshot(self) -> Json:
        """What ``restore`` needs to go on from here: JSON, and small."""
        return None

    def restore(self, state: Json) -> None:
        """Take up a snapshot; called on a new instance before ``prepare``."""

    async def committed(self) -> None:
        """The checkpoint of the latest ``snapshot`` is durable: acknowledge what lies before it.

        Called while the node is at work, and once more at the end of the stream."""


class ChunkNode(StreamNode):
    """A stream node that takes one chunk after another from one port (``takes``) and seldom waits.

    The engine calls it where its input is given, without a queue between: that costs next to nothing
    and keeps a chunk in the processor's cache through several nodes. What it awaits holds up
    those that give to it, so a node that asks the network about every chunk is a plain ``StreamNode``.
    """

    takes: ClassVar[str] = "items"
    has_enough: bool = False
    """Set by a node that wants no more."""

    @abstractmethod
    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        """Read the settings, before the first chunk and after ``restore``. ``inputs`` are the plain ones."""

    @abstractmethod
    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        """What a chunk gives. ``snapshot`` is called between two chunks."""

    async def finish(self) -> AsyncIterator[NodeOutput]:
        """What is left to give at the end of the stream, part by part."""
        yield {}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        await self.open(ctx, inputs)
        async for chunk in inputs[self.takes].chunks():
            yield await self.take(chunk)
            if self.has_enough:
                break
        async for part in self.finish():
            yield part
