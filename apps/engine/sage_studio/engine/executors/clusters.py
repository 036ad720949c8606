"""Executors for clusters, whose clients are extras: made only where they are wanted."""

from __future__ import annotations

from typing import Any

from sage_studio.engine.executors.call import NodeExecutor
from sage_studio.engine.executors.errors import missing_extra
from sage_studio.engine.executors.settings import PodSettings


def ray_nodes(cluster: str = "", **options: Any) -> NodeExecutor:
    """Nodes on a Ray cluster; it is looked for when the first node runs."""
    from sage_studio.engine.executors.ray_cluster import RayNodes  # noqa: PLC0415 - only where wanted

    return RayNodes(cluster, **options)


def kubernetes_pods(settings: PodSettings, *, config: Any = None) -> NodeExecutor:
    """A pod per node; ``config`` as for ``KubernetesPods``. Raises SageError ``executor.unavailable``
    without the extra."""
    try:
        from sage_studio.engine.executors.kubernetes import KubernetesPods  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise missing_extra("kubernetes") from error
    return KubernetesPods(settings, config=config)
