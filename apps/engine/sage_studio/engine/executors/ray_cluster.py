"""Nodes on a Ray cluster: each call in an actor with the node's share of processors, memory and GPUs.

An actor is kept for a few seconds after a call, for the next one with the same needs. Values cross as
frames of our own protocol inside Ray's messages; big ones travel through its object store by reference.
A Ray cluster trusts whoever may connect to it, because its own messages are Python pickles: connect to
clusters of your own only. Needs the extra ``ray``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import (
    BAD_MESSAGE,
    CLUSTER,
    NO_ROOM,
    OUT_OF_MEMORY,
    PROCESS_ENDED,
    missing_extra,
)
from sage_studio.engine.executors.frames import HEADER_BYTES, Message, decode, frame_size
from sage_studio.engine.executors.home import HELLO, run_over
from sage_studio.engine.executors.ray_actor import NodeActor
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Needs

logger = logging.getLogger("sage_studio.engine")
START_TIMEOUT_S = 120.0
KEEP_S = 10.0
# Ray's Python face has no types of its own.
Ray: TypeAlias = Any
Actor: TypeAlias = Any


class RayNodes:
    """Implements ``NodeExecutor``. ``cluster`` is an address (``ray://head:10001``, ``auto``) or empty for
    a cluster on this machine; ``options`` go to ``ray.init`` as they are."""

    def __init__(
        self, cluster: str = "", *, start_timeout_s: float = START_TIMEOUT_S, **options: Any
    ) -> None:
        self._address = cluster
        self._start_timeout_s = start_timeout_s
        self._options = options
        self._ray: Ray = None
        self._connecting = asyncio.Lock()
        self._idle: dict[Needs, list[_ActorLink]] = {}

    def takes(self, spec: NodeSpec) -> bool:
        return True

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        """Run the call in an actor.

        Raises what the node raises, and ``executor.cluster``, ``no_room``, ``out_of_memory`` or
        ``process_ended``.
        """
        ray = await self._connect()
        link = await self._take(ray, call.needs)
        is_fit = False
        try:
            outputs = await run_over(link, call, context)
            is_fit = True
            return outputs
        except Exception as error:
            # What the node raised leaves an actor in order; a broken conversation does not.
            is_fit = not (isinstance(error, SageError) and error.code in _BROKEN)
            raise
        finally:
            if is_fit:
                self._keep(call.needs, link)
            else:
                link.kill()

    async def close(self) -> None:
        """Let the idle actors go; a cluster this process started ends with it."""
        for links in self._idle.values():
            for link in links:
                link.kill()
        self._idle.clear()

    async def _connect(self) -> Ray:
        async with self._connecting:
            if self._ray is None:
                self._ray = await asyncio.to_thread(_connect, self._address, self._options)
            return self._ray

    async def _take(self, ray: Ray, needs: Needs) -> _ActorLink:
        if waiting := self._idle.get(needs):
            return waiting.pop()
        await self.close()  # what idle actors of another size hold may be what this one waits for
        link = _ActorLink(ray, needs)
        try:
            async with asyncio.timeout(self._start_timeout_s):
                greeting = await link.receive()
        except TimeoutError:
            link.kill()
            reason = "its resources are taken or too few"
            raise SageError(NO_ROOM, {"timeout_s": self._start_timeout_s, "reason": reason}) from None
        except BaseException:
            link.kill()  # also when cancelled: nobody else knows of this actor
            raise
        if greeting is None or greeting.method != HELLO:
            link.kill()
            raise await link.lost()
        return link

    def _keep(self, needs: Needs, link: _ActorLink) -> None:
        self._idle.setdefault(needs, []).append(link)
        asyncio.get_running_loop().call_later(KEEP_S, self._let_go, needs, link)

    def _let_go(self, needs: Needs, link: _ActorLink) -> None:
        links = self._idle.get(needs, [])
        if link in links:
            links.remove(link)
            link.kill()


class _ActorLink:
    """A ``Link`` through an actor: frames out are numbered calls, bytes in are long polls."""

    def __init__(self, ray: Ray, needs: Needs) -> None:
        self._ray = ray
        self._needs = needs
        self._number = 0
        self._buffer = bytearray()
        self._error: Exception | None = None
        self._poll: asyncio.Future[bytes] | None = None
        options: dict[str, Any] = {"num_cpus": needs.cpu or 1, "max_restarts": 0, "max_concurrency": 100}
        if needs.gpu:
            options["num_gpus"] = needs.gpu
        if needs.memory_mb:
            options["memory"] = needs.memory_mb << 20
        self._actor: Actor = ray.remote(NodeActor).options(**options).remote()

    def send(self, frame: bytes) -> None:
        self._actor.send.remote(self._number, frame)
        self._number += 1

    async def receive(self) -> Message | None:
        try:
            size = frame_size(await self._take(HEADER_BYTES))
            return decode(await self._take(size))
        except self._ray.exceptions.RayError as error:
            self._error = error
            return None

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._buffer += await self._more()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _more(self) -> bytes:
        """A poll that its caller gave up is picked up by the next one: its bytes must not be lost."""
        if self._poll is None:
            self._poll = asyncio.ensure_future(_reference(self._actor.receive.remote()))  # noqa: TID251 - see above
        piece = await asyncio.shield(self._poll)
        self._poll = None
        return piece

    async def lost(self) -> Exception:
        exceptions = self._ray.exceptions
        if isinstance(self._error, exceptions.OutOfMemoryError):
            return SageError(OUT_OF_MEMORY, {"limit_mb": self._needs.memory_mb})
        logger.warning("ray_actor_lost", extra={"error": str(self._error)[:4_000]})
        if isinstance(self._error, exceptions.ActorUnschedulableError):
            return SageError(NO_ROOM, {"timeout_s": 0, "reason": "no machine of the cluster is big enough"})
        return SageError(PROCESS_ENDED, {"how": type(self._error).__name__})

    def kill(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
        with suppress(Exception):  # it may be gone, and so may the cluster
            self._ray.kill(self._actor)


_BROKEN = (BAD_MESSAGE, PROCESS_ENDED, OUT_OF_MEMORY, NO_ROOM)


async def _reference(reference: Awaitable[bytes]) -> bytes:
    return await reference


def _connect(address: str, options: Mapping[str, Any]) -> Ray:
    """Raises SageError ``executor.unavailable`` without the extra, ``executor.cluster`` without a cluster."""
    try:
        import ray  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - 200 MB, an extra
    except ImportError as error:
        raise missing_extra("ray") from error
    if not ray.is_initialized():
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING, **options}
        if address:
            settings["address"] = address
        try:
            ray.init(**settings)
        except Exception as error:  # Ray raises bare ones, when a node of it does not come up for example
            raise SageError(CLUSTER, {"reason": str(error)[:500]}) from error
    return ray
