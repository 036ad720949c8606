"""Classes that stand in for the nodes of a plug-in where its code is not: they know the spec, and hand
``run`` to a confined process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, ClassVar, cast

from sage_studio.engine.executors import ProcessPool
from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import BAD_MESSAGE, OUT_OF_MEMORY, PROCESS_ENDED
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Json, SageError
from sage_studio.plugins.isolated.confining import start_serving
from sage_studio.plugins.isolated.errors import TOO_MANY_STREAMS
from sage_studio.plugins.isolated.held import HeldContext, KindOf
from sage_studio.plugins.isolated.streaming import StreamDesk, does_stream, stream_outputs
from sage_studio.plugins.manager import Plugin
from sage_studio.plugins.manager.manifest import PluginNode
from sage_studio.sdk import Context, Node, NodeOutput, StreamNode

# Processes of one plug-in at a time, and how long one is kept for the next call.
WORKERS = 4
STREAMING_WORKERS = 16
# How long a node may take to leave when nobody wants more of it, before its process is ended.
LEAVE_S = 1.5
IDLE_S = 60.0
# What one message of a plug-in may be: bigger contents travel as files.
FRAME_BYTES = 64 << 20
_LOST = (PROCESS_ENDED, OUT_OF_MEMORY, BAD_MESSAGE)


class IsolatedPlugin:
    """A plug-in's warm processes in this one, for one workspace: what one workspace's runs leave in their
    memory no other meets. ``folder`` gives the place of its unpacked code; it is called in a thread when a
    node first runs, because most plug-ins a workspace has are not used by every process."""

    def __init__(self, plugin: Plugin, folder: Callable[[], Path], kind_of: KindOf) -> None:
        self.plugin = plugin
        self._folder = folder
        self._kind_of = kind_of
        self._pool = self._new_pool(WORKERS)
        # Nodes of one stream wait for each other: none of them may wait for a process that another holds.
        self._streaming = self._new_pool(STREAMING_WORKERS)
        self._streams = 0

    def _new_pool(self, workers: int) -> ProcessPool:
        return ProcessPool(workers, idle_s=IDLE_S, launch=self._launch, frame_bytes=FRAME_BYTES)

    def _launch(self, theirs: socket.socket, words: IO[bytes]) -> subprocess.Popen[bytes]:
        return start_serving(self._folder(), theirs, words)

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        """Raises what the node raises, ``plugin.no_isolation`` and ``executor.*``."""
        return await self._run(self._pool, call, HeldContext(context, self.plugin, self._kind_of))

    async def stream(
        self, call: NodeCall, context: Context, desk: StreamDesk
    ) -> AsyncGenerator[NodeOutput, None]:
        """The parts a node gives that streams. Raises as ``run`` does, and ``plugin.too_many_streams``."""
        if self._streams >= STREAMING_WORKERS:
            raise SageError(TOO_MANY_STREAMS, {"plugin": self.plugin.id, "limit": STREAMING_WORKERS})
        held = HeldContext(context, self.plugin, self._kind_of, desk)
        self._streams += 1
        work = asyncio.get_running_loop().create_task(self._run(self._streaming, call, held))
        try:
            async with aclosing(desk.serve(work)) as parts:
                async for part in parts:
                    yield part
            await work
        except GeneratorExit:
            # Nobody wants more: the node hears of it where it gives, and its process may be used again.
            await asyncio.wait({work}, timeout=LEAVE_S)
            raise
        finally:
            self._streams -= 1
            if not work.done():
                work.cancel()
                await asyncio.wait({work})

    async def _run(self, pool: ProcessPool, call: NodeCall, held: HeldContext) -> Mapping[str, Any]:
        try:
            return await pool.run(call, cast(Context, held))
        except SageError as error:
            if call.at_most_once and error.code in _LOST:
                error.retryable = False  # whether its effect has happened nobody knows
            raise

    async def close(self) -> None:
        await self._pool.close()
        await self._streaming.close()


class StandIn(Node):
    """Base of all stand-ins. ``package`` is the digest of the code it stands for."""

    package: ClassVar[str]
    plugin_id: ClassVar[str]
    place: ClassVar[IsolatedPlugin]


class WholeStandIn(StandIn):
    """For a node whose values come and go whole."""

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return await self.place.run(_call(self.spec, ctx, inputs), ctx)


class StreamStandIn(StandIn, StreamNode):
    """For a node whose items come or go one by one."""

    _desk: StreamDesk | None = None
    _state: Json = None

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        self._desk = desk = StreamDesk(self.spec, inputs, self._state)
        async with aclosing(self.place.stream(_call(self.spec, ctx, desk.plain), ctx, desk)) as parts:
            async for part in parts:
                yield part


class ResumingStandIn(StreamStandIn):
    """For one that says what it is at, so that it can go on from a checkpoint."""

    def snapshot(self) -> Json:
        return self._state if self._desk is None else self._desk.state

    def restore(self, state: Json) -> None:
        self._state = state


def stand_ins(place: IsolatedPlugin, package: str) -> list[type[StandIn]]:
    """A class for every node of the plug-in."""
    return [_stand_in(node, place, package) for node in place.plugin.nodes]


def _stand_in(node: PluginNode, place: IsolatedPlugin, package: str) -> type[StandIn]:
    """Made here, so that no other process can import it: its nodes go nowhere but to ``place``."""
    base: type[StandIn] = WholeStandIn
    if does_stream(node.spec):
        base = ResumingStandIn if node.resumes else StreamStandIn
    facts = {"spec": node.spec, "package": package, "plugin_id": place.plugin.id, "place": place}
    return type("Local", (base,), facts)


def _call(spec: NodeSpec, ctx: Context, inputs: Mapping[str, Any]) -> NodeCall:
    return NodeCall(
        type=spec.id,
        version=spec.version,
        origin="",
        config=ctx.config,
        inputs=inputs,
        run_id=ctx.run_id,
        flow_id=ctx.flow_id,
        node_id=ctx.node_id,
        iteration_path=ctx.iteration_path,
        attempt=ctx.attempt,
        idempotency_key=ctx.idempotency_key,
        at_most_once=spec.effect == "at_most_once",
        stream_ports=stream_outputs(spec),
    )


def package_of(node: type[Node] | None) -> str:
    """The digest of the package a workspace has a class from; empty for one of the product."""
    return str(getattr(node, "package", ""))


def plugin_of(node: type[Node] | None) -> str:
    """The id of the plug-in a workspace has a class from; empty for one of the product."""
    return str(getattr(node, "plugin_id", ""))
