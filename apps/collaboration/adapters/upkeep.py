"""Upkeep of large documents in a process of its own.

Loading, copying and encoding a document with a long history keeps the interpreter for seconds, and with it
every room of the web process. The process is started for the first such document and ends when there has
been none for a while; without it, as where no process may be started, upkeep fails and is tried again later.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from contextlib import suppress
from typing import Final

import structlog
from django.conf import settings

from apps.collaboration.rooms.ports import JournalUnavailableError

log = structlog.get_logger(__name__)

# About 1,000 nodes, or a few thousand edits: loading them takes some 40 ms.
APART_BYTES: Final = 128 * 1024
ANSWER_WITHIN_S: Final = 300.0
IDLE_S: Final = 60.0


def is_large(size_bytes: int) -> bool:
    """Whether upkeep of a document of this size would be felt by others in the process."""
    return size_bytes >= int(getattr(settings, "DOCUMENT_UPKEEP_APART_BYTES", APART_BYTES))


class UpkeepProcess:
    """Settles one document after another; see ``management/commands/settle_documents``."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._ends: asyncio.TimerHandle | None = None

    async def settle(self, flow_id: uuid.UUID, *, idle: bool) -> None:
        """Raises JournalUnavailableError when it could not be done now."""
        async with self._turn:
            if self._ends is not None:
                self._ends.cancel()
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    answer = await self._asked(f"{flow_id} {int(idle)}\n".encode())
            except (TimeoutError, OSError) as error:
                self._end()
                log.error("upkeep_process_failed", flow_id=str(flow_id), error=repr(error))
                raise JournalUnavailableError("upkeep") from error
            except asyncio.CancelledError:
                self._end()
                raise
            self._ends = asyncio.get_running_loop().call_later(IDLE_S, self._end)
        if answer != b"done\n":
            raise JournalUnavailableError("upkeep")

    async def _asked(self, line: bytes) -> bytes:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "django",
                "settle_documents",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=settings.BASE_DIR,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE},
            )
        assert process.stdin is not None, "made with pipes"
        assert process.stdout is not None, "made with pipes"
        process.stdin.write(line)
        await process.stdin.drain()
        answer = await process.stdout.readline()
        if not answer:
            await process.wait()
        return answer

    def _end(self) -> None:
        """What it was at is done again by whoever comes next: settling may stop at any point."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    async def close(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
        self._end()
        if self._process is not None:
            await self._process.wait()
