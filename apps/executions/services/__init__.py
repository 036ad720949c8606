"""Operations on runs. Workers do the rest (``adapters``)."""

from apps.executions.debug_selectors import debug_setup
from apps.executions.services.accept import checked_inputs, run_accept, run_promise
from apps.executions.services.cancelling import cancels_overdue_end, children_cancel, run_cancel
from apps.executions.services.children import child_start
from apps.executions.services.control import (
    run_pause,
    run_resume,
    run_retry,
)
from apps.executions.services.debugging import debug_command, flow_breakpoints_set
from apps.executions.services.forgetting import runs_forget
from apps.executions.services.node_cache import cached_node_get, cached_node_put
from apps.executions.services.notices import run_failure_tell
from apps.executions.services.partial import part_cut, run_begin
from apps.executions.services.prices import prices_set
from apps.executions.services.redrive import run_redrive
from apps.executions.services.signals import signal_deliver, signal_send
from apps.executions.services.trying import node_try

__all__ = [
    "cached_node_get",
    "cached_node_put",
    "cancels_overdue_end",
    "checked_inputs",
    "child_start",
    "children_cancel",
    "debug_command",
    "debug_setup",
    "flow_breakpoints_set",
    "node_try",
    "part_cut",
    "prices_set",
    "run_accept",
    "run_begin",
    "run_cancel",
    "run_failure_tell",
    "run_pause",
    "run_promise",
    "run_redrive",
    "run_resume",
    "run_retry",
    "runs_forget",
    "signal_deliver",
    "signal_send",
]
