"""Where a worker's runs may have their nodes run: its processes, the fleet, and the clusters the operator
named in the environment."""

from __future__ import annotations

import os
from importlib.util import find_spec

from django.conf import settings

from apps.executions.adapters.fleet import Fleet, RunFleet, WholeRunFleet
from apps.executions.adapters.writer import Claim
from sage_studio.engine.executors import Executors, NodeExecutor, ProcessPool
from sage_studio.engine.executors.clusters import kubernetes_pods, ray_nodes
from sage_studio.engine.executors.placing import CELERY, KUBERNETES, PROCESS, RAY
from sage_studio.engine.executors.settings import PodSettings

Reason = tuple[str, str]


class Places:
    """The places of one worker, on its event loop."""

    def __init__(self, fleet: Fleet) -> None:
        self.processes = ProcessPool(settings.CONFIG.processes or os.cpu_count() or 1)
        self._fleet = fleet
        self._clusters: dict[str, NodeExecutor] = {}
        self._reasons: dict[str, Reason] = {}
        self._look_for_ray(settings.CONFIG.ray_cluster)
        self._look_for_kubernetes()

    def for_run(self, claim: Claim, *, is_whole: bool) -> Executors:
        """``is_whole``: it is a run of a whole flow, not of a part."""
        kind = WholeRunFleet if is_whole else RunFleet
        own: dict[str, NodeExecutor] = {PROCESS: self.processes, CELERY: kind(self._fleet, claim)}
        return Executors({**own, **self._clusters}, reasons=self._reasons)

    async def close(self) -> None:
        await self.processes.close()
        for cluster in self._clusters.values():
            await cluster.close()

    def _look_for_ray(self, address: str) -> None:
        if not address:
            self._reasons[RAY] = _not_set("SAGE_RAY_CLUSTER")
        elif find_spec("ray") is None:
            self._reasons[RAY] = _not_installed("ray")
        else:
            self._clusters[RAY] = ray_nodes("" if address == "local" else address)

    def _look_for_kubernetes(self) -> None:
        config = settings.CONFIG
        if not config.kubernetes_image:
            self._reasons[KUBERNETES] = _not_set("SAGE_KUBERNETES_IMAGE")
        elif find_spec("lightkube") is None:
            self._reasons[KUBERNETES] = _not_installed("kubernetes")
        else:
            home = config.kubernetes_home or os.environ.get("POD_IP") or "127.0.0.1"
            pods = PodSettings(
                image=config.kubernetes_image, home=home, namespace=config.kubernetes_namespace
            )
            self._clusters[KUBERNETES] = kubernetes_pods(pods)


def _not_set(name: str) -> Reason:
    return f"{name} is not set.", f"未设置 {name}。"


def _not_installed(extra: str) -> Reason:
    return (
        f"the extra “{extra}” of sage-studio is not installed.",
        f"未安装 sage-studio 的“{extra}”扩展。",
    )
