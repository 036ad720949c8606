"""The documented executors: ``LocalExecutor``, ``RayExecutor`` and ``K8sExecutor``.

All three run the same flows with the same results. The run itself (its order, records and waits)
always happens in this process; what differs is where its nodes run.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from sage_studio.engine.controls import Controls
from sage_studio.engine.executors.call import NodeExecutor
from sage_studio.engine.executors.clusters import kubernetes_pods, ray_nodes
from sage_studio.engine.executors.placing import KUBERNETES, PROCESS, RAY, Executors
from sage_studio.engine.executors.processes import ProcessPool
from sage_studio.engine.executors.settings import PodSettings
from sage_studio.engine.faces import ExecutableFlow, Scheduler
from sage_studio.engine.host import Host
from sage_studio.engine.options import RunOptions
from sage_studio.engine.records import RunResult
from sage_studio.engine.resources import ResourcePool, machine_budget
from sage_studio.engine.store import RunStore


class _FlowExecutor:
    """What the three have in common; ``workers`` bounds threads and processes alike."""

    def __init__(self, host: Host, places: Executors, *, workers: int, store: RunStore | None) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sage-node")
        options = RunOptions(executors=places, resources=ResourcePool(machine_budget()))
        self._scheduler = Scheduler(host, threads=self._threads, store=store, options=options)

    async def run(
        self,
        flow: ExecutableFlow,
        inputs: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
        controls: Controls | None = None,
    ) -> RunResult:
        """Run a flow to its end, whatever it is; see ``run_flow`` for what it raises."""
        plan = self._scheduler.schedule(flow).with_inputs(inputs or {})
        return await self._scheduler.execute(plan, run_id=run_id, controls=controls)


class LocalExecutor(_FlowExecutor):
    """Runs flows on this machine: nodes that wait on the event loop, blocking ones in threads and those
    that compute in processes, at most ``workers`` of either.

    Use it as a context manager, or call ``close``.
    """

    def __init__(self, host: Host, *, workers: int = 4, store: RunStore | None = None) -> None:
        self._processes = ProcessPool(workers)
        super().__init__(host, Executors({PROCESS: self._processes}), workers=workers, store=store)

    def close(self) -> None:
        """Let threads and processes go; blocking work that is still under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _ClusterExecutor(_FlowExecutor):
    """Runs flows whose nodes run at ``place``, except where a node says otherwise.

    Use it as an asynchronous context manager, or await ``close``.
    """

    def __init__(
        self, name: str, place: NodeExecutor, host: Host, *, workers: int, store: RunStore | None
    ) -> None:
        self._places = Executors({name: place, PROCESS: ProcessPool(workers)}, rule=name)
        super().__init__(host, self._places, workers=workers, store=store)

    async def close(self) -> None:
        """Let go of what is kept on the cluster and here."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self._places.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


class RayExecutor(_ClusterExecutor):
    """Runs the nodes of flows on a Ray cluster (extra ``ray``). ``cluster`` is its address, such as
    ``ray://head:10001``; empty starts one on this machine. Further ``options`` go to ``ray.init``."""

    def __init__(
        self,
        host: Host,
        *,
        cluster: str = "",
        workers: int = 4,
        store: RunStore | None = None,
        **options: Any,
    ) -> None:
        super().__init__(RAY, ray_nodes(cluster, **options), host, workers=workers, store=store)


class K8sExecutor(_ClusterExecutor):
    """Runs every node in a pod of its own (extra ``kubernetes``). ``image`` holds this package in the same
    release; ``home`` is where pods reach this process. ``config`` says how to reach the cluster: None
    takes the pod's own account, or else the kubeconfig of whoever runs it."""

    def __init__(
        self,
        host: Host,
        *,
        image: str,
        home: str,
        namespace: str = "sage-studio",
        workers: int = 4,
        store: RunStore | None = None,
        config: Any = None,
        **settings: Any,
    ) -> None:
        pods = PodSettings(image=image, home=home, namespace=namespace, **settings)
        place = kubernetes_pods(pods, config=config)
        super().__init__(KUBERNETES, place, host, workers=workers, store=store)
