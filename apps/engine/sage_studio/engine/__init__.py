"""Compile flows and run them: in parallel, with branches, retries, time limits and resumption.

Storage, hosts and executors come in through ports; nothing here knows a database or a web
server.
"""

from sage_studio.engine.compile import NodeClasses, compile_flow
from sage_studio.engine.controls import Controls
from sage_studio.engine.errors import FenceLost
from sage_studio.engine.execution import run_flow
from sage_studio.engine.faces import (
    ExecutableFlow,
    ExecutionGraph,
    ExecutionPlan,
    FlowEngine,
    NodeLibrary,
    Scheduler,
    ValidationResult,
)
from sage_studio.engine.flow_executors import K8sExecutor, LocalExecutor, RayExecutor
from sage_studio.engine.host import Allowance, Host, NodeCache
from sage_studio.engine.inputs import typed_inputs
from sage_studio.engine.options import RunOptions
from sage_studio.engine.plan import Plan
from sage_studio.engine.records import (
    Batch,
    Event,
    FlowState,
    NodeRecord,
    NodeState,
    RunOutcome,
    RunProgress,
    RunResult,
    iso,
    signal_key,
)
from sage_studio.engine.spending import SpendingPlan
from sage_studio.engine.store import (
    ExecutionState,
    MemoryRunStore,
    RunStore,
    StateStore,
    lost_attempts,
    newest_attempts,
)

__all__ = [
    "Allowance",
    "Batch",
    "Controls",
    "Event",
    "ExecutableFlow",
    "ExecutionGraph",
    "ExecutionPlan",
    "ExecutionState",
    "FenceLost",
    "FlowEngine",
    "FlowState",
    "Host",
    "K8sExecutor",
    "LocalExecutor",
    "MemoryRunStore",
    "NodeCache",
    "NodeClasses",
    "NodeLibrary",
    "NodeRecord",
    "NodeState",
    "Plan",
    "RayExecutor",
    "RunOptions",
    "RunOutcome",
    "RunProgress",
    "RunResult",
    "RunStore",
    "Scheduler",
    "SpendingPlan",
    "StateStore",
    "ValidationResult",
    "compile_flow",
    "iso",
    "lost_attempts",
    "newest_attempts",
    "run_flow",
    "signal_key",
    "typed_inputs",
]
