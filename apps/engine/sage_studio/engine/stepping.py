"""Running a node's coroutine as far as it goes without waiting, and on from there.

Most cheap nodes finish without ever awaiting something that is not ready. Stepping the
coroutine once by hand finds that out at the price of a call; only a node that really waits
gets a time limit and lets other nodes run beside it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import types
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Mapping
from typing import Any

from sage_studio.engine.errors import BAD_OUTPUT
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Node, NodeOutput

logger = logging.getLogger("sage_studio.engine")
CLOSE_S = 5.0
"""What a node's ``close`` may take."""


@types.coroutine
def resume(coroutine: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that was stepped by hand and gave ``awaited`` (a future) to wait for.

    Must be awaited in the task that did the stepping: time limits and cancel scopes inside the
    coroutine belong to that task.
    """
    try:
        while True:
            try:
                sent = yield awaited
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - whatever is thrown in belongs to the coroutine
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(sent)
    except StopIteration as stop:
        return stop.value


async def run_whole(
    node: Node,
    ctx: Context,
    inputs: Mapping[str, Any],
    stream_ports: frozenset[str],
    *,
    is_prepared: bool = False,
    close_s: float | None = CLOSE_S,
) -> NodeOutput:
    """``prepare`` (unless that has been done), ``run`` (a coroutine or a generator of partial outputs) and
    ``close``, which has ``close_s`` (None where no event loop measures time: in a thread)."""
    try:
        if not is_prepared:
            await node.prepare(ctx)
        result: Any = node.run(ctx, inputs)
        if isinstance(result, AsyncIterator):
            outputs = await collect(result, stream_ports)
        else:
            outputs = checked(await result if inspect.isawaitable(result) else result)
    except BaseException:
        try:
            await _close(node, close_s)
        except Exception as error:
            logger.warning("node_close_failed", extra={"node_type": node.spec.id}, exc_info=error)
        raise
    await _close(node, close_s)
    return outputs


async def _close(node: Node, close_s: float | None) -> None:
    """In a time of its own: a node that is over its limit, or cancelled, must not hold the run up."""
    if close_s is None:
        await node.close()
    else:
        async with asyncio.timeout(close_s):
            await node.close()


async def collect(parts: AsyncIterator[NodeOutput], stream_ports: frozenset[str]) -> NodeOutput:
    """Fold partial outputs: items of stream ports are gathered, of other ports the last one stays."""
    whole: dict[str, Any] = {}
    try:
        async for part in parts:
            for port, value in checked(part).items():
                if port in stream_ports:
                    whole.setdefault(port, []).append(value)
                else:
                    whole[port] = value
    finally:
        # Let go in the middle, a generator cleans up before its node is closed, not when it is collected.
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()
    return whole


def checked(outputs: Any) -> NodeOutput:
    """The outputs, when they are a mapping. Raises SageError ``node.bad_output`` otherwise."""
    if isinstance(outputs, Mapping):
        return outputs
    raise SageError(BAD_OUTPUT, {"kind": type(outputs).__name__})


def own_cancellation(error: asyncio.CancelledError) -> asyncio.CancelledError:
    """The error, when it came out of a node's code without anybody having cancelled the task. Raises it when
    somebody has."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise error
    return error
