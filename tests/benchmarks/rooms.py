"""A room full of people: how long until an edit is on the others' screens, and until it is on disk.

Every client makes small edits at a steady pace. An edit carries its time of sending in its value, so
that any receiver can tell how long it took; the acknowledgement counts frames. Under the acknowledged
edits and the delivered ones every single one must be there: what is lost is an error, not a statistic.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pycrdt

from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import read_uint
from tests.benchmarks.harness import Measurement, calibrate, percentile, spread
from tests.benchmarks.light_socket import LightSocket
from tests.benchmarks.product import Owner, Product, make_flow, running_product, sign_up

SENT_AT = re.compile(rb"<(\d+):(\d+)>")
WARM_UP_S = 1.0
SETTLE_S = 10.0


@dataclass(frozen=True, slots=True)
class Load:
    """``clients`` people, each making ``edits_per_s`` edits, for ``seconds``."""

    clients: int
    edits_per_s: float
    seconds: float


SHORT = [Load(10, 5, 2)]
FULL = [Load(10, 5, 10), Load(50, 5, 15), Load(50, 10, 15)]


@dataclass(slots=True)
class Seen:
    """What all clients of one measurement saw, in milliseconds."""

    delivered: list[float] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    sent: int = 0
    counted_from: float = 0.0

    def counts(self, sent_at: float) -> bool:
        return sent_at >= self.counted_from


class Editor:
    """One person: makes edits, and measures what comes back."""

    def __init__(self, number: int, seen: Seen) -> None:
        self._seen = seen
        self._number = number
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self._notes = self._doc.get("notes", type=pycrdt.Map)
        self._waiting: deque[float] = deque()
        self._acknowledged = 0
        self._updates: list[bytes] = []
        self._subscription = self._doc.observe(lambda event: self._updates.append(event.update))
        self.socket: LightSocket | None = None

    def hear(self, message: bytes) -> None:
        now = time.perf_counter()
        if message[0] == frames.SYNC and message[1] != frames.STEP_1:
            for sender, stamp in SENT_AT.findall(message):
                sent_at = int(stamp) / 1e6
                if int(sender) != self._number and self._seen.counts(sent_at):
                    self._seen.delivered.append((now - sent_at) * 1000)
        elif message[0] == frames.ACKNOWLEDGED:
            total, _ = read_uint(message, 1)
            for _ in range(total - self._acknowledged):
                sent_at = self._waiting.popleft()
                if self._seen.counts(sent_at):
                    self._seen.acknowledged.append((now - sent_at) * 1000)
            self._acknowledged = total

    async def edit_at(self, pace_s: float, until: float) -> None:
        assert self.socket is not None
        due = time.perf_counter() + pace_s * (self._number % 17) / 17
        while due < until:
            await asyncio.sleep(max(0, due - time.perf_counter()))
            sent_at = time.perf_counter()
            self._notes[f"n{self._number}"] = f"<{self._number}:{int(sent_at * 1e6)}>"
            self._waiting.append(int(sent_at * 1e6) / 1e6)
            self._seen.sent += self._seen.counts(self._waiting[-1])
            self.socket.send(frames.sync_update(self._updates.pop()))
            due += pace_s


def measure(*, short: bool) -> list[Measurement]:
    with running_product() as product:
        return measure_on(product, sign_up(product), short=short)


def measure_on(product: Product, owner: Owner, *, short: bool) -> list[Measurement]:
    found = []
    headers = {"Cookie": owner.cookie_header, "Origin": product.address}
    for load in SHORT if short else FULL:
        flow_id = make_flow(product, owner, f"Room of {load.clients}", {"nodes": [], "edges": []})
        found += asyncio.run(_one_load(product, flow_id, headers, load))
    return found


async def _one_load(
    product: Product, flow_id: str, headers: Mapping[str, str], load: Load
) -> list[Measurement]:
    step_us = calibrate()
    address = urlsplit(product.address)
    assert address.hostname is not None
    assert address.port is not None
    seen = Seen()
    editors = [Editor(number, seen) for number in range(load.clients)]
    path = f"/ws/doc/{flow_id}?ext=1"
    for editor in editors:
        editor.socket = await LightSocket.connect(address.hostname, address.port, path, headers, editor.hear)
    now = time.perf_counter()
    seen.counted_from = now + WARM_UP_S
    end = seen.counted_from + load.seconds
    cpu_before, cpu_from = product.cpu_s("web"), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for editor in editors:
            group.create_task(editor.edit_at(1 / load.edits_per_s, end))
    cpu = (product.cpu_s("web") - cpu_before) / (time.perf_counter() - cpu_from)
    await _settle(seen, load)
    dropped = [editor for editor in editors if editor.socket is None or editor.socket.closed]
    for editor in editors:
        if editor.socket is not None:
            editor.socket.close()
    return _results(seen, load, cpu, len(dropped), step_us)


async def _settle(seen: Seen, load: Load) -> None:
    """Waits for the last acknowledgements and deliveries, but not for ever."""
    for _ in range(round(SETTLE_S / 0.05)):
        if len(seen.acknowledged) >= seen.sent and len(seen.delivered) >= seen.sent * (load.clients - 1):
            return
        await asyncio.sleep(0.05)


def _results(seen: Seen, load: Load, cpu: float, dropped: int, step_us: float) -> list[Measurement]:
    if not seen.delivered or not seen.acknowledged:
        raise RuntimeError(f"nothing came back: {len(seen.delivered)} deliveries, {dropped} sockets closed")
    expected = seen.sent * (load.clients - 1)
    where = f"room of {load.clients} × {load.edits_per_s:g} edits/s"
    return [
        Measurement(
            f"{where}: edit to the others' screens, p50",
            percentile(seen.delivered, 0.5),
            "ms",
            25,
            compare="Hocuspocus p50 0.8–1.3, p99 4–16, stored seconds later",
            more={
                **spread(seen.delivered),
                "lost": expected - len(seen.delivered),
                "sockets closed": dropped,
                "core of web": round(cpu, 3),
            },
            step_us=step_us,
        ),
        Measurement(
            f"{where}: edit acknowledged on disk, p95",
            percentile(seen.acknowledged, 0.95),
            "ms",
            100,
            compare="Figma 95 % within 600, Hocuspocus 2–10 s later",
            more={**spread(seen.acknowledged), "lost": seen.sent - len(seen.acknowledged)},
            step_us=step_us,
        ),
    ]
