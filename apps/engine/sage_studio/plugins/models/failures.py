"""What an SDK's errors mean to a run, and which requests are worth repeating.

Too many requests (429), overload (529), conflicts, time-outs of a gateway and broken connections are
repeated here a few times, after as long as the service asks; whoever asks for longer leaves it to the
node's own retry, which waits without holding a worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.kernel import Json, SageError
from sage_studio.plugins.models.errors import BAD_ANSWER, BROKEN_OFF, BUSY, REFUSED
from sage_studio.sdk import NodeError

T = TypeVar("T")
_BUSY_STATUSES = frozenset({408, 409, 429, 529})
_BUSY_TYPES = frozenset(
    {"overloaded_error", "rate_limit_error", "api_error", "timeout_error", "server_error"}
)
# A key without credit answers 429 as well, and stays so.
_FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_TRIES = 3
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 20.0


class _Again(Exception):
    """A failure the service itself calls passing."""

    def __init__(self, error: NodeError, wait_s: float | None) -> None:
        super().__init__()
        self.error = error
        self.wait_s = wait_s


async def repeated(
    send: Callable[[], Awaitable[T]],
    sdk: Any,
    *,
    has_begun: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """``send``, up to three times. Nothing is repeated once somebody has seen a part of the answer
    (``has_begun``). Raises NodeError ``llm.*`` and SageError ``http.*``."""
    for number in range(_TRIES):
        try:
            with _translated(sdk, has_begun):
                return await send()
        except _Again as again:
            wait_s = _FIRST_PAUSE_S * 2**number if again.wait_s is None else again.wait_s
            if number == _TRIES - 1 or wait_s > _LONGEST_PAUSE_S:
                raise again.error from again.__cause__
            await sleep(wait_s)
    raise AssertionError("the last try has answered or raised")


@contextmanager
def _translated(sdk: Any, has_begun: Callable[[], bool]) -> Iterator[None]:
    try:
        yield
    except sdk.APIStatusError as error:
        raise _status_failure(error, has_begun=has_begun()) from error
    except sdk.APIResponseValidationError as error:
        raise NodeError(BAD_ANSWER, {"reason": "it is not in the protocol's form"}) from error
    except (sdk.APIConnectionError, httpx2.HTTPError) as error:
        own = _own_error(error)
        if own is not None and not own.can_retry:
            raise own from error
        if has_begun():
            raise NodeError(BROKEN_OFF, {"reason": "the connection was lost"}) from error
        reason = "no connection" if own is None else own.message("en")
        raise _Again(NodeError(BUSY, {"reason": reason}), None) from error
    except sdk.APIError as error:
        # The services report errors in the middle of a stream without a status of their own.
        raise _event_failure(error, has_begun=has_begun()) from error
    except ValueError as error:
        raise NodeError(BAD_ANSWER, {"reason": "it is not JSON"}) from error


def _own_error(error: BaseException | None) -> SageError | None:
    """The error of our own client that an SDK has wrapped."""
    while error is not None:
        if isinstance(error, SageError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _status_failure(error: Any, *, has_begun: bool) -> Exception:
    status = int(error.status_code)
    if status < 400:
        return _event_failure(error, has_begun=has_begun)
    kind, code, message = _said(error.body)
    facts: dict[str, Json] = {"reason": f"{status} {message}".strip()}
    headers = error.response.headers
    is_busy = status in _BUSY_STATUSES or status >= 500
    if not is_busy or code in _FINAL_CODES or kind in _FINAL_CODES:
        return NodeError(REFUSED, facts)
    wait_s = _wait_asked(headers)
    if wait_s is not None:
        facts["retry_after_s"] = wait_s
    failure = NodeError(BUSY, facts)
    return failure if headers.get("x-should-retry") == "false" else _Again(failure, wait_s)


def _event_failure(error: Any, *, has_begun: bool) -> Exception:
    """An ``error`` event of a stream that had begun with 200."""
    kind, code, message = _said(error.body)
    reason = (message or str(error))[:300]
    if has_begun:
        return NodeError(BROKEN_OFF, {"reason": reason}, retryable=code not in _FINAL_CODES)
    if kind in _BUSY_TYPES and code not in _FINAL_CODES:
        return _Again(NodeError(BUSY, {"reason": reason}), None)
    return NodeError(REFUSED, {"reason": reason})


def _wait_asked(headers: Mapping[str, str]) -> float | None:
    told_ms = headers.get("retry-after-ms", "")
    if told_ms.replace(".", "", 1).isdigit():
        return float(told_ms) / 1_000
    return retry_after_s(headers) if "retry-after" in headers else None


def _said(body: Any) -> tuple[str, str, str]:
    """Kind, code and sentence of an error body, whichever of its usual forms it has."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, str):
        return "", "", inner[:300]
    if not isinstance(inner, dict):
        return "", "", ""
    kind, code, message = (inner.get(name) for name in ("type", "code", "message"))
    return str(kind or ""), str(code or ""), str(message or "")[:300]
