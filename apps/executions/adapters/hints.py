"""Telling sockets that a flow has new events: at once for an ending, gathered for a moment else."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from apps.common import bus
from apps.executions.types import HINT_ENDING, HINT_EVENTS, flow_channel

# Canvases cannot show more than this often, and a busy run commits hundreds of times a second.
GATHER_S = 0.03


class Hints:
    """``note`` a flow whose events grew; ``send`` runs for as long as the worker does."""

    def __init__(self) -> None:
        self._flows: dict[str, bytes] = {}
        self._noted = asyncio.Event()
        self._urgent = asyncio.Event()

    def note(self, flow_id: str, *, is_urgent: bool = False) -> None:
        if is_urgent or flow_id not in self._flows:
            self._flows[flow_id] = HINT_ENDING if is_urgent else HINT_EVENTS
        self._noted.set()
        if is_urgent:
            self._urgent.set()

    async def send(self) -> None:
        while True:
            await self._noted.wait()
            # Not wait_for: on Python 3.11 it swallows a cancellation that comes together with the
            # event (python/cpython issue 86296), and the worker would never end.
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._urgent.wait()
            self._noted.clear()
            self._urgent.clear()
            flows, self._flows = self._flows, {}
            for flow_id, hint in flows.items():
                bus.publish(flow_channel(flow_id), hint)
