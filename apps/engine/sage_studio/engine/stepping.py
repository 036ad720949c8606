"""Running a node's coroutine as far as it goes without waiting, and on from there.

Most cheap nodes finish without ever awaiting something that is not ready. Stepping the
coroutine once by hand finds that out at the price of a call; only a node that really waits
gets a time limit and lets other nodes run beside it.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import AsyncIterator, Coroutine, Generator, Mapping
from typing import Any

from sage_studio.engine.errors import BAD_OUTPUT
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Node, NodeOutput


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
) -> NodeOutput:
    """``prepare`` (unless that has been done), ``run`` (a coroutine or a generator of partial outputs) and
    ``close``."""
    try:
        if not is_prepared:
            await node.prepare(ctx)
        result: Any = node.run(ctx, inputs)
        if isinstance(result, AsyncIterator):
            return await collect(result, stream_ports)
        return checked(await result if inspect.isawaitable(result) else result)
    finally:
        await node.close()


async def collect(parts: AsyncIterator[NodeOutput], stream_ports: frozenset[str]) -> NodeOutput:
    """Fold partial outputs: items of stream ports are gathered, of other ports the last one stays."""
    whole: dict[str, Any] = {}
    async for part in parts:
        for port, value in checked(part).items():
            if port in stream_ports:
                whole.setdefault(port, []).append(value)
            else:
                whole[port] = value
    return whole


def checked(outputs: Any) -> NodeOutput:
    """The outputs, when they are a mapping. Raises SageError ``node.bad_output`` otherwise."""
    if isinstance(outputs, Mapping):
        return outputs
    raise SageError(BAD_OUTPUT, {"kind": type(outputs).__name__})
