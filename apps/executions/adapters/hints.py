"""Telling sockets that a flow has new events: gathered for a moment, sent from a thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from apps.common import bus
from apps.executions.types import flow_channel

# Canvases cannot show more than this often, and a busy run commits hundreds of times a second.
GATHER_S = 0.03


class Hints:
    """``note`` a flow whose events grew; ``send`` runs for as long as the worker does."""

    def __init__(self) -> None:
        self._flows: set[str] = set()
        self._noted = asyncio.Event()

    def note(self, flow_id: str) -> None:
        self._flows.add(flow_id)
        self._noted.set()

    async def send(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="run-hints") as thread:
            while True:
                await self._noted.wait()
                await asyncio.sleep(GATHER_S)
                self._noted.clear()
                flows, self._flows = self._flows, set()
                await loop.run_in_executor(thread, _publish, flows)


def _publish(flows: set[str]) -> None:
    for flow_id in flows:
        bus.publish(flow_channel(flow_id), b"")
