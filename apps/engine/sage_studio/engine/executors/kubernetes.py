"""A pod per node on a Kubernetes cluster.

For each call a pod and its secret are made; the pod dials back (``callback``), runs the node and is
deleted, however the call ends. Its state is watched meanwhile, so that a pod that will never answer is
an error at once and not a time-out. Needs the extra ``kubernetes``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from lightkube import ApiError, AsyncClient, KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Pod

from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.callback import CallbackDoor
from sage_studio.engine.executors.errors import CLUSTER, EVICTED, NO_ROOM
from sage_studio.engine.executors.home import run_over
from sage_studio.engine.executors.pods import (
    CONTAINER,
    MANAGED,
    end_of,
    judge,
    make_pod,
    make_secret,
    memory_limit_mb,
    pod_name,
)
from sage_studio.engine.executors.settings import PodSettings
from sage_studio.engine.executors.sockets import SocketLink
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Json, SageError
from sage_studio.sdk import Context

logger = logging.getLogger("sage_studio.engine")
# How long the cluster may take to say what became of a pod whose connection broke.
_VERDICT_TIMEOUT_S = 15.0
_DELETE_TIMEOUT_S = 5.0
_LOOK_AGAIN_S = 1.0
_LOG_LINES = 50
_STALE_AFTER = timedelta(minutes=10)


class KubernetesPods:
    """Implements ``NodeExecutor``; on one event loop. ``config`` says how to reach the cluster: None
    takes the pod's own account, or else the kubeconfig of whoever runs it."""

    def __init__(self, settings: PodSettings, *, config: SingleConfig | KubeConfig | None = None) -> None:
        self._settings = settings
        self._config = config
        self._client: AsyncClient | None = None
        self._door: CallbackDoor | None = None
        self._opening = asyncio.Lock()

    def takes(self, spec: NodeSpec) -> bool:
        return True

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        """Run the call in a pod of its own.

        Raises what the node raises, and ``executor.cluster``, ``image``, ``no_room``, ``evicted``,
        ``out_of_memory``, ``not_started`` or ``process_ended``.
        """
        client, door = await self._open()
        life = _PodLife(client, self._settings, call, context)
        token, arrival = door.expect(life.why_lost)
        try:
            await life.begin(address=self._address(door), token=token, authority=door.authority)
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(life.follow())
                try:
                    link = await life.arrived(arrival)
                    outputs = await run_over(link, call, context)
                    link.close()
                    return outputs
                finally:
                    watch.cancel()
        except BaseExceptionGroup as failures:
            # The one child is the watch over the pod: its error is the call's.
            raise failures.exceptions[0] from None
        except httpx2.HTTPError as error:
            raise _cluster_error(error) from error
        finally:
            door.forget(token)
            await asyncio.shield(life.end())

    async def close(self) -> None:
        if self._door is not None:
            await self._door.close()
        if self._client is not None:
            await self._client.close()
        self._door = self._client = None

    async def _open(self) -> tuple[AsyncClient, CallbackDoor]:
        async with self._opening:
            if self._client is None or self._door is None:
                client = _connect(self._config, self._settings.namespace)
                try:
                    await _sweep(client)
                except httpx2.HTTPError as error:
                    raise _cluster_error(error) from error
                door = CallbackDoor(self._settings.listen, _port_of(self._settings.home))
                await door.open()
                self._client, self._door = client, door
            return self._client, self._door

    def _address(self, door: CallbackDoor) -> str:
        home = self._settings.home
        return home if _port_of(home) else f"{home}:{door.port}"


class _PodLife:
    """One pod from its making to its end."""

    def __init__(self, client: AsyncClient, settings: PodSettings, call: NodeCall, context: Context) -> None:
        self._client = client
        self._settings = settings
        self._call = call
        self._context = context
        self._name = pod_name(call)
        self._limit_mb = memory_limit_mb(call, settings)
        self._is_made = False
        self._waits_for = ""
        self._ended: asyncio.Future[SageError] = asyncio.get_running_loop().create_future()

    async def begin(self, *, address: str, token: str, authority: str) -> None:
        """Make the pod, then the secret it waits for: so the secret has an owner from the start."""
        pod = await self._client.create(make_pod(self._name, self._call, self._settings, address))
        self._is_made = True
        await self._client.create(make_secret(pod, token=token, authority=authority))

    async def arrived(self, arrival: asyncio.Future[SocketLink]) -> SocketLink:
        """The pod's connection. Raises why there will be none."""
        limit_s = self._settings.start_timeout_s
        either: set[asyncio.Future[Any]] = {arrival, self._ended}
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if arrival.done():
            return arrival.result()
        if self._ended.done():
            raise self._ended.result()
        reason = self._waits_for or "the pod did not report"
        raise SageError(NO_ROOM, {"timeout_s": limit_s, "reason": reason})

    async def why_lost(self) -> Exception:
        """Why the connection broke, as soon as the cluster knows."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_VERDICT_TIMEOUT_S):
                return await asyncio.shield(self._ended)
        return SageError(EVICTED, {"reason": "the connection to its pod broke"})

    async def follow(self) -> None:
        """Watch the pod until it ends, from wherever the last look left off."""
        while not self._ended.done():
            try:
                pod = await self._client.get(Pod, self._name)
                self._see(pod)
                since = pod.metadata.resourceVersion if pod.metadata else None
                fields: dict[str, Any] = {"metadata.name": self._name}
                async for change, seen in self._client.watch(Pod, fields=fields, resource_version=since):
                    if change == "DELETED":
                        self._finish(SageError(EVICTED, {"reason": "somebody deleted the pod"}))
                    self._see(seen)
                    if self._ended.done():
                        return
            except ApiError as error:
                if error.status.code == 404:
                    self._finish(SageError(EVICTED, {"reason": "the pod is gone"}))
            except httpx2.HTTPError as error:
                # The node may be at work all the same; its connection tells more than ours.
                logger.warning("pod_watch_broken", extra={"pod": self._name, "error": str(error)})
            await asyncio.sleep(_LOOK_AGAIN_S)

    def _see(self, pod: Pod) -> None:
        verdict = judge(pod.status, image=self._settings.image, limit_mb=self._limit_mb)
        is_bound = bool(pod.status and pod.status.containerStatuses)
        if verdict.waits_for and verdict.waits_for != self._waits_for and not is_bound:
            self._context.log(f"the cluster has no place for this node yet: {verdict.waits_for}")
        self._waits_for = verdict.waits_for
        if verdict.ended is not None:
            self._finish(verdict.ended)

    def _finish(self, error: SageError) -> None:
        if not self._ended.done():
            self._ended.set_result(error)

    async def end(self) -> None:
        """Delete the pod; what it wrote goes to the log when it ended badly."""
        if not self._is_made:
            return
        try:
            async with asyncio.timeout(_DELETE_TIMEOUT_S):
                if self._ended.done():
                    await self._keep_words()
                with suppress(ApiError):
                    await self._client.delete(Pod, self._name, grace_period=0)
        except (httpx2.HTTPError, TimeoutError) as error:
            logger.warning("pod_not_deleted", extra={"pod": self._name, "error": str(error)})

    async def _keep_words(self) -> None:
        with suppress(httpx2.HTTPError):
            words = self._client.log(self._name, container=CONTAINER, tail_lines=_LOG_LINES)
            last = [line async for line in words]
            how = self._ended.result().message()
            facts: dict[str, Json] = {"pod": self._name, "how": how, "last_words": "".join(last)}
            logger.warning("node_process_ended", extra=facts)


def _connect(config: SingleConfig | KubeConfig | None, namespace: str) -> AsyncClient:
    try:
        return AsyncClient(config=config, namespace=namespace, trust_env=config is None)
    except (ConfigError, OSError) as error:
        raise SageError(CLUSTER, {"reason": str(error)}) from error


async def _sweep(client: AsyncClient) -> None:
    """Delete pods that ended a while ago and whose process did not live to delete them."""
    labels: dict[str, Any] = dict(MANAGED)
    before = datetime.now(UTC) - _STALE_AFTER
    async for pod in client.list(Pod, labels=labels):
        ended_at = end_of(pod.status)
        if pod.metadata and pod.metadata.name and ended_at is not None and ended_at < before:
            with suppress(ApiError):
                await client.delete(Pod, pod.metadata.name)


def _cluster_error(error: httpx2.HTTPError) -> SageError:
    denied = isinstance(error, ApiError) and error.status.code in (400, 401, 403, 404, 422)
    return SageError(CLUSTER, {"reason": str(error)[:500]}, retryable=not denied)


def _port_of(home: str) -> int:
    _, colon, port = home.rpartition(":")
    return int(port) if colon and port.isdigit() else 0
