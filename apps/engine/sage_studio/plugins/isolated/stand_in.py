"""Classes that stand in for the nodes of a plug-in where its code is not: they know the spec, and hand
``run`` to a confined process."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, cast

from sage_studio.engine.executors import ProcessPool
from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import BAD_MESSAGE, OUT_OF_MEMORY, PROCESS_ENDED
from sage_studio.flow.spec import NodeSpec, Port
from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.confining import start_serving
from sage_studio.plugins.isolated.held import HeldContext, KindOf
from sage_studio.plugins.manager import Plugin
from sage_studio.sdk import Context, Node, NodeOutput

# Processes of one plug-in at a time, and how long one is kept for the next call.
WORKERS = 4
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
        self._pool = ProcessPool(WORKERS, idle_s=IDLE_S, launch=self._launch, frame_bytes=FRAME_BYTES)

    def _launch(self, theirs: socket.socket, words: IO[bytes]) -> subprocess.Popen[bytes]:
        return start_serving(self._folder(), theirs, words)

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        """Raises what the node raises, ``plugin.no_isolation`` and ``executor.*``."""
        held = HeldContext(context, self.plugin, self._kind_of)
        try:
            return await self._pool.run(call, cast(Context, held))
        except SageError as error:
            if call.at_most_once and error.code in _LOST:
                error.retryable = False  # whether its effect has happened nobody knows
            raise

    async def close(self) -> None:
        await self._pool.close()


class StandIn(Node):
    """Base of all stand-ins. ``package`` is the digest of the code it stands for."""

    package: ClassVar[str]
    plugin_id: ClassVar[str]
    place: ClassVar[IsolatedPlugin]

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return await self.place.run(_call(self.spec, ctx, inputs), ctx)


def stand_ins(place: IsolatedPlugin, package: str) -> list[type[StandIn]]:
    """A class for every node of the plug-in."""
    return [_stand_in(node.spec, place, package) for node in place.plugin.nodes]


def _stand_in(spec: NodeSpec, place: IsolatedPlugin, package: str) -> type[StandIn]:
    """Made here, so that no other process can import it: its nodes go nowhere but to ``place``. Items reach
    it together: they would have to cross to its process one by one."""
    whole = spec.model_copy(
        update={"inputs": _without_streams(spec.inputs), "outputs": _without_streams(spec.outputs)}
    )

    class Local(StandIn):
        spec = whole

    Local.package = package
    Local.plugin_id = place.plugin.id
    Local.place = place
    return Local


def _without_streams(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    return tuple(port.model_copy(update={"streams": False}) for port in ports)


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
        stream_ports=spec.stream_outputs,
    )


def package_of(node: type[Node] | None) -> str:
    """The digest of the package a workspace has a class from; empty for one of the product."""
    return str(getattr(node, "package", ""))


def plugin_of(node: type[Node] | None) -> str:
    """The id of the plug-in a workspace has a class from; empty for one of the product."""
    return str(getattr(node, "plugin_id", ""))
