"""A place that does whole chunks in this process, by the same words a worker of the fleet gets them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sage_studio.engine import Host, Plan, RunOptions
from sage_studio.engine.chunk_frames import (
    answer_from_plain,
    answer_to_plain,
    call_from_plain,
    call_to_plain,
)
from sage_studio.engine.chunk_work import do_chunk
from sage_studio.engine.chunks import ChunkAnswer, ChunkCall
from sage_studio.engine.executors import Executors, NodeCall
from sage_studio.engine.executors.frames import HEADER_BYTES, Message, decode, encode
from sage_studio.engine.executors.values import pack, unpack
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Clock, SystemClock
from sage_studio.sdk import Context


class ChunksHere:
    """Takes what computes, in chunks only; ``calls`` are the chunks it was asked for, ``on_call`` hears of
    each first."""

    def __init__(
        self, plan: Plan, host: Host, threads: ThreadPoolExecutor, *, clock: Clock | None = None
    ) -> None:
        self._plan = plan
        self._host = host
        self._threads = threads
        self._clock = clock or SystemClock()
        self.calls: list[ChunkCall] = []
        self.answers: list[ChunkAnswer] = []
        self.on_call: Callable[[ChunkCall], None] = lambda call: None

    def takes(self, spec: NodeSpec) -> bool:
        return spec.cpu_bound

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        raise AssertionError("no node was to go here")

    async def run_chunk(self, call: ChunkCall, context: Context) -> ChunkAnswer:
        told = call_from_plain(_sent(call_to_plain(call)))
        self.calls.append(told)
        self.on_call(told)
        answer = await do_chunk(
            self._plan,
            told,
            host=self._host,
            threads=self._threads,
            options=RunOptions(),
            clock=self._clock,
        )
        self.answers.append(answer_from_plain(_sent(answer_to_plain(answer))))
        return self.answers[-1]

    async def close(self) -> None:
        """Nothing is kept."""


def spread_over(place: ChunksHere) -> RunOptions:
    """Options of a run whose chunks go there."""
    return RunOptions(executors=Executors({"celery": place}, rule="celery"))


def _sent(shape: dict[str, Any]) -> Any:
    frame = encode(Message("ask", 1, "run", pack(shape)))
    return unpack(decode(frame[HEADER_BYTES:]).body)
