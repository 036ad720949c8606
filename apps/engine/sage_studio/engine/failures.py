"""What an exception out of a node means: a problem to show, and whether trying again may help."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from typing import NamedTuple

from sage_studio.engine.errors import NODE_CRASHED, NODE_UNREACHABLE
from sage_studio.engine.masks import Masks
from sage_studio.engine.plan import PlanNode
from sage_studio.flow.document import Retry
from sage_studio.kernel import Problem, SageError
from sage_studio.sdk import BodyFailed

logger = logging.getLogger("sage_studio.engine")


class Failure(NamedTuple):
    """A failed attempt; ``retry_after_s`` is what the other side asked for (Retry-After)."""

    problem: Problem
    retryable: bool
    retry_after_s: float


def failure_of(error: BaseException, node: PlanNode, path: str, masks: Masks) -> Failure:
    """Turn what a node raised into an outcome; unexpected ones are logged with their traceback.

    A CancelledError that nobody asked for (of a future the node itself let go) and SystemExit are failures
    like any other: they are about the node, not about the run.
    """
    if isinstance(error, BodyFailed):
        # What failed inside keeps its own place and words.
        inner: Problem = masks.value(dict(error.problem))
        return failed(node, inner, inner["retryable"])
    if isinstance(error, SageError):
        sage_error = error
    elif isinstance(error, OSError):
        sage_error = SageError(NODE_UNREACHABLE, {"message": masks.text(str(error) or type(error).__name__)})
    else:
        logger.warning("node_crashed", extra={"node_id": node.id, "node_type": node.type}, exc_info=error)
        facts = {"kind": type(error).__name__, "message": masks.text(str(error)[:20_000])[:2_000]}
        sage_error = SageError(NODE_CRASHED, dict(facts))
    problem: Problem = masks.value(dict(sage_error.problem(node_id=node.id, iteration_path=path)))
    wish = sage_error.facts.get("retry_after_s")
    retry_after_s = float(wish) if isinstance(wish, (int, float)) else 0.0
    return failed(node, problem, sage_error.can_retry, retry_after_s)


def late_of(error: SageError, node: PlanNode, path: str, *, can_retry: bool) -> Failure:
    """The failure of a node that is over its time limit."""
    return failed(node, error.problem(node_id=node.id, iteration_path=path), can_retry)


def failed(node: PlanNode, problem: Problem, can_retry: bool, retry_after_s: float = 0.0) -> Failure:
    """A failure of a node, which knows for what errors it is to be tried again.

    An at-most-once node is never tried again for an error that leaves open whether its effect happened.
    """
    wanted = node.retry.errors
    if wanted is None:
        return Failure(problem, can_retry, retry_after_s)
    is_wanted = any(fnmatchcase(problem["code"], pattern) for pattern in wanted)
    retries = is_wanted and (can_retry or not node.is_at_most_once)
    problem["retryable"] = retries
    return Failure(problem, retries, retry_after_s)


def pause_before(failures: int, retry: Retry, failure: Failure, chance: float) -> float:
    """Seconds to wait after so many failures (attempts lost with a worker are none); ``chance`` is in
    [0, 1)."""
    wait_s = retry.delay_s * retry.backoff ** (failures - 1)
    wait_s *= 1 + retry.jitter * (2 * chance - 1)
    return max(wait_s, failure.retry_after_s)
