"""What a node job's row says: the call and the answer, in the frames all executors speak.

A call's frame is the question ``run``; an answer's holds the outputs, or the fault, and the secrets
that were used on the way, so that the run's own worker blots them too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sage_studio.engine.chunk_frames import (
    answer_from_plain,
    answer_to_plain,
    call_from_plain,
    call_to_plain,
)
from sage_studio.engine.chunks import ChunkAnswer, ChunkCall
from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import NOT_A_VALUE, TOO_BIG
from sage_studio.engine.executors.faults import fault_from_json, fault_to_json
from sage_studio.engine.executors.frames import HEADER_BYTES, Kind, Message, decode, encode
from sage_studio.engine.executors.home import RUN, call_to_json
from sage_studio.engine.executors.values import pack, unpack
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Needs

# What differs between two attempts at the same work.
_OF_THE_ATTEMPT = frozenset({"attempt", "deadline"})


def call_frame(call: NodeCall, context: Context) -> tuple[bytes, bytes]:
    """The call, and the part of it that names the work. Raises SageError ``executor.value``."""
    shape = call_to_json(call, context)
    shape |= {
        "timeout_s": call.timeout_s,
        "at_most_once": call.at_most_once,
        "is_cpu_bound": call.is_cpu_bound,
        "needs": call.needs.model_dump(),
    }
    same = {name: held for name, held in shape.items() if name not in _OF_THE_ATTEMPT}
    return _frame("ask", shape), _frame("ask", same)


def chunk_frame(call: ChunkCall) -> bytes:
    """Raises SageError ``executor.value``."""
    return _frame("ask", {"chunk": call_to_plain(call)})


def read_call(frame: bytes) -> NodeCall | ChunkCall:
    """Raises SageError ``executor.bad_message``."""
    shape = _read(frame)
    if "chunk" in shape:
        return call_from_plain(shape["chunk"])
    return NodeCall(
        type=shape["type"],
        version=shape["version"],
        origin=shape["origin"],
        config=shape["config"],
        inputs=shape["inputs"],
        run_id=shape["run_id"],
        flow_id=shape["flow_id"],
        node_id=shape["node_id"],
        iteration_path=shape["iteration_path"],
        attempt=shape["attempt"],
        idempotency_key=shape["idempotency_key"],
        timeout_s=shape["timeout_s"],
        at_most_once=shape["at_most_once"],
        is_cpu_bound=shape["is_cpu_bound"],
        stream_ports=frozenset(shape["stream_ports"]),
        needs=Needs.model_validate(shape["needs"]),
    )


def answer_frame(outputs: Mapping[str, Any], secrets: Collection[str]) -> bytes:
    """Raises SageError ``executor.value`` for outputs that cannot travel."""
    return _frame("answer", {"outputs": dict(outputs), "secrets": sorted(secrets)})


def chunk_answer_frame(answer: ChunkAnswer, secrets: Collection[str]) -> bytes:
    """An answer whose values cannot travel is that the run is to do it itself."""
    try:
        return answer_frame({"chunk": answer_to_plain(answer)}, secrets)
    except SageError as error:
        if error.code.code not in (NOT_A_VALUE.code, TOO_BIG.code):
            raise
        return answer_frame({"chunk": answer_to_plain(answer.declined())}, secrets)


def chunk_answer(outputs: Mapping[str, Any]) -> ChunkAnswer:
    return answer_from_plain(outputs["chunk"])


def fault_frame(error: Exception, secrets: Collection[str]) -> bytes:
    return _frame("fault", {"fault": fault_to_json(error), "secrets": sorted(secrets)})


def read_answer(frame: bytes) -> tuple[Mapping[str, Any] | Exception, list[str]]:
    """The outputs or the error, and the secrets. Raises SageError ``executor.bad_message``."""
    shape = _read(frame)
    secrets = [str(secret) for secret in shape["secrets"]]
    if "fault" in shape:
        return fault_from_json(shape["fault"]), secrets
    return shape["outputs"], secrets


def _frame(kind: Kind, shape: Mapping[str, Any]) -> bytes:
    return encode(Message(kind, 1, RUN if kind == "ask" else "", pack(dict(shape))))


def _read(frame: bytes) -> Any:
    return unpack(decode(frame[HEADER_BYTES:]).body)
