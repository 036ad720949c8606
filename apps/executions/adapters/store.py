"""The engine's ``RunStore`` over the database, for one claimed run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

from apps.executions.adapters.codec import GetBlob, PutBlob
from apps.executions.adapters.progress import load_progress
from apps.executions.adapters.writer import Claim, RunWriter
from sage_studio.engine import Batch, NodeRecord, RunProgress


class ClaimedStore:
    """Reads in ``readers``' thread, writes through the worker's one writer. ``fresh`` is the progress of a
    run nobody has held before: there is nothing to read."""

    def __init__(
        self,
        claim: Claim,
        *,
        writer: RunWriter,
        readers: Executor,
        put_blob: PutBlob,
        get_blob: GetBlob,
        on_recorded: Callable[..., None],
        fresh: RunProgress | None = None,
    ) -> None:
        self._claim = claim
        self._writer = writer
        self._readers = readers
        self._put_blob = put_blob
        self._get_blob = get_blob
        self._on_recorded = on_recorded
        self._fresh = fresh
        # Records the run begins with beside those in its rows, by node id (see ``engine.partial``).
        self.given: Mapping[str, NodeRecord] = {}

    async def load(self, run_id: str) -> RunProgress:
        loop = asyncio.get_running_loop()
        found, self._fresh = self._fresh, None
        if found is None:
            read = partial(load_progress, run_id, self._get_blob)
            found = await loop.run_in_executor(self._readers, read)
        if not self.given:
            return found
        given = {(node_id, ""): record for node_id, record in self.given.items()}
        return replace(found, nodes={**given, **found.nodes})

    async def record(self, run_id: str, batch: Batch) -> None:
        self._fresh = None
        await self._writer.record(self._claim, batch, self._put_blob)
        self._on_recorded(self._claim.flow_id, is_urgent=batch.outcome is not None)
