"""Telling sockets that a flow has new events: at once for an ending, gathered for a moment else."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from apps.common import bus
from apps.executions.types import flow_channel

# Canvases cannot show more than this often, and a busy run commits hundreds of times a second.
GATHER_S = 0.03


class Hints:
    """``note`` a flow whose events grew; ``send`` runs for as long as the worker does."""

    def __init__(self) -> None:
        self._flows: set[str] = set()
        self._noted = asyncio.Event()
        self._urgent = asyncio.Event()

    def note(self, flow_id: str, *, is_urgent: bool = False) -> None:
        self._flows.add(flow_id)
        self._noted.set()
        if is_urgent:
            self._urgent.set()

    async def send(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="run-hints") as thread:
            while True:
                await self._noted.wait()
                self._noted.clear()
                self._urgent.clear()
                flows, self._flows = self._flows, set()
                await loop.run_in_executor(thread, _publish, flows)
                # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the
                # event (python/cpython issue 86296), and the worker would never end.
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_S):
                        await self._urgent.wait()


def _publish(flows: set[str]) -> None:
    for flow_id in flows:
        bus.publish(flow_channel(flow_id), b"")
