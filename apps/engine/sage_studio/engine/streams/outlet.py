"""The writing end of one output port: counts, keeps samples, and gathers where a list is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sage_studio.engine.records import StreamReference
from sage_studio.engine.streams.channel import Channel
from sage_studio.engine.streams.errors import TOO_LONG
from sage_studio.kernel import SageError
from sage_studio.sdk import Rows

SAMPLES = 20
COLLECT_LIMIT = 100_000
KEPT = 10_000
BUFFERED = 256
_SLICE = 1_024


class Outlet:
    """``is_gathered`` says that somebody takes the port's items as a list after the end. Where nobody
    reads the port as a stream (``read_live``), its items are kept as a list as long as they are few."""

    def __init__(self, name: str, port: str, channel: Channel, *, is_gathered: bool = False) -> None:
        self.name = name
        self.port = port
        self.channel = channel
        self.buffer: list[Any] = []
        self.samples: list[Any] = []
        self.is_gathered = is_gathered
        self.gathered: list[Any] | None = []

    def read_live(self) -> None:
        """Somebody reads the stream itself."""
        if not self.is_gathered:
            self.gathered = None

    async def flush(self) -> None:
        """Send off single items that were waiting for company."""
        if self.buffer:
            items, self.buffer = self.buffer, []
            await self._send(items)

    async def send(self, items: Sequence[Any]) -> None:
        """Send several items, in pieces that fit the queues; rows kept as columns stay together.
        Raises SageError ``stream.too_long``."""
        await self.flush()
        if len(items) <= _SLICE or isinstance(items, Rows):
            if items:
                await self._send(items)
            return
        for start in range(0, len(items), _SLICE):
            await self._send(items[start : start + _SLICE])

    async def _send(self, items: Sequence[Any]) -> None:
        if len(self.samples) < SAMPLES:
            self.samples.extend(islice(items, SAMPLES - len(self.samples)))
        if self.gathered is not None:
            self._gather(items, self.gathered)
        await self.channel.send(items)

    def _gather(self, items: Sequence[Any], gathered: list[Any]) -> None:
        if self.is_gathered and len(gathered) + len(items) > COLLECT_LIMIT:
            raise SageError(TOO_LONG, {"limit": COLLECT_LIMIT})
        if not self.is_gathered and len(gathered) + len(items) > KEPT:
            self.gathered = None
        else:
            gathered.extend(items)

    @property
    def value(self) -> Any:
        """What the node's record and its readers outside the pipeline get for this port."""
        return self.reference() if self.gathered is None else self.gathered

    def reference(self) -> StreamReference:
        return StreamReference(
            {"$stream": self.name, "items": self.channel.items, "samples": list(self.samples)}
        )

    def restore(self, items: int, samples: list[Any], gathered: list[Any] | None) -> None:
        """Go on counting where a checkpoint left off."""
        self.channel.items = items
        self.samples = samples
        if self.gathered is not None:
            # A list that was given up before stays given up.
            self.gathered = gathered if gathered or not items else None
