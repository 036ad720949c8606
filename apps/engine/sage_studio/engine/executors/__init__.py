"""Places where nodes run: this process, worker processes beside it, a Ray cluster, Kubernetes pods.

One small protocol serves them all (``frames``, ``conversation``): the node runs elsewhere, and what it
asks of its context is answered where the run is (``home``), so the same node does the same everywhere.
"""

from sage_studio.engine.executors.call import NodeCall, NodeExecutor, may_travel, origin_of
from sage_studio.engine.executors.placing import Executors
from sage_studio.engine.executors.processes import ProcessPool

__all__ = ["Executors", "NodeCall", "NodeExecutor", "ProcessPool", "may_travel", "origin_of"]
