"""The tick: what has gathered is committed to the journal, and only then told to anybody."""

from __future__ import annotations

import asyncio

import structlog

from apps.collaboration.documents.library import merge
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.batch import Batch
from apps.collaboration.rooms.core import RoomCore
from apps.collaboration.rooms.ports import (
    ClientTakenError,
    DocumentGoneError,
    EpochChangedError,
    JournalUnavailableError,
    Write,
    Written,
)
from apps.collaboration.rooms.socket import Close
from apps.collaboration.wire import frames

log = structlog.get_logger(__name__)

_RETRIES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)


class Ticking(RoomCore):
    """Commits batches, then tells other processes, the senders and everybody else in one step."""

    async def _flush(self) -> None:
        """Commit the batch, then tell. One at a time, so that rows keep their order."""
        async with self._flush_lock:
            batch, self._batch = self._batch, Batch()
            if batch.changes:
                await self._commit(batch)
            elif batch:
                self._tell_clients(batch, b"")
        if self._batch:
            self._work.set()

    async def _commit(self, batch: Batch) -> None:
        """A room that cannot write hangs up: clients hold what is theirs and bring it back."""
        try:
            written = await self._write(batch)
        except DocumentGoneError:
            self.end(Close.GONE)
        except EpochChangedError:
            self.end(Close.STALE_EPOCH)
        except ClientTakenError:
            log.warning("client_id_taken", flow_id=str(self.flow_id))
            self.end(Close.RELOADED)
        except JournalUnavailableError:
            log.error("journal_unavailable", flow_id=str(self.flow_id))
            self.end(Close.UNAVAILABLE)
        else:
            self._written(batch, written)

    async def _write(self, batch: Batch) -> Written:
        epoch, known = self._position()
        write = Write(self.flow_id, epoch, known, batch.entries(), batch.bindings)
        for delay_s in _RETRIES_S:
            try:
                return await self._journal.append(write)
            except JournalUnavailableError:
                await asyncio.sleep(delay_s)
        return await self._journal.append(write)

    def _written(self, batch: Batch, written: Written) -> None:
        """The one step after a commit: to other processes, to the senders, to everybody else."""
        now = asyncio.get_running_loop().time()
        self.last_edit_at = now
        self.was_edited = True
        if self.unsettled_since is None:
            self.unsettled_since = now
        missed = self._take_rows(written.missed)
        if self._replica is not None:
            self._replica.seq = max(self._replica.seq, written.last_seq)
        update = merge([change for change, _ in batch.changes])
        self._tell(hints.RowsHint(self._position()[0], written.first_seq, written.last_seq, update))
        self._tell_clients(batch, update, seq=written.last_seq, missed=missed)
        for row in written.missed:
            self._notice(row)

    def _tell_clients(self, batch: Batch, update: bytes, *, seq: int = 0, missed: bytes = b"") -> None:
        if missed:
            self._broadcast(frames.sync_update(missed))
        if update:
            self._broadcast(frames.sync_update(update), skip=batch.only_sender())
        for socket, count in batch.acks.items():
            socket.send_extension(frames.acknowledged(count, seq or self.seq))
        for socket, reply in batch.replies:
            socket.send(reply)
