"""The documented executors as a script uses them, without a server:

    flow = FlowEngine(builtin_registry()).compile(graph)
    async with RayExecutor(cluster="ray://head:10001") as executor:
        result = await executor.run(flow)

They are those of ``sage_studio.engine`` with the command line's host: files of this machine, credentials
from the environment. Give a ``host`` for another one.
"""

from __future__ import annotations

from typing import Any

from sage_studio import engine
from sage_studio.engine import Host
from sage_studio.plugins.local_host import LocalHost


class LocalExecutor(engine.LocalExecutor):
    """Runs flows on this machine; a context manager."""

    def __init__(self, host: Host | None = None, **options: Any) -> None:
        self._own = LocalHost()
        super().__init__(host or self._own, **options)

    def close(self) -> None:
        super().close()
        self._own.close()


class RayExecutor(engine.RayExecutor):
    """Runs nodes on a Ray cluster; an asynchronous context manager."""

    def __init__(self, host: Host | None = None, **options: Any) -> None:
        self._own = LocalHost()
        super().__init__(host or self._own, **options)

    async def close(self) -> None:
        await super().close()
        self._own.close()


class K8sExecutor(engine.K8sExecutor):
    """Runs every node in a pod of its own; an asynchronous context manager."""

    def __init__(self, host: Host | None = None, **options: Any) -> None:
        self._own = LocalHost()
        super().__init__(host or self._own, **options)

    async def close(self) -> None:
        await super().close()
        self._own.close()
