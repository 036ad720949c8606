"""Chunks and their answers as plain data, for the frames all executors speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.engine.chunks import ChunkAnswer, ChunkCall, End
from sage_studio.engine.records import Event, NodeRecord
from sage_studio.sdk import Needs


def call_to_plain(call: ChunkCall) -> dict[str, Any]:
    return {
        "run_id": call.run_id,
        "flow_id": call.flow_id,
        "container": call.container,
        "path": call.path,
        "attempt": call.attempt,
        "started_at": call.started_at,
        "names": dict(call.names),
        "imports": {name: dict(outputs) for name, outputs in call.imports.items()},
        "rounds": [[index, dict(given)] for index, given in call.rounds],
        "stops_at_failure": call.stops_at_failure,
        "needs": call.needs.model_dump(),
        "is_cpu_bound": call.is_cpu_bound,
    }


def call_from_plain(shape: Mapping[str, Any]) -> ChunkCall:
    rounds = [(index, given) for index, given in shape["rounds"]]
    needs = Needs.model_validate(shape["needs"])
    return ChunkCall(**{**shape, "rounds": rounds, "needs": needs})


def answer_to_plain(answer: ChunkAnswer) -> dict[str, Any]:
    return {
        "ends": [[end.value, dict(end.fields), end.problem] for end in answer.ends],
        "records": [list(record) for record in answer.records],
        "events": [list(event) for event in answer.events],
        "is_declined": answer.is_declined,
    }


def answer_from_plain(shape: Mapping[str, Any]) -> ChunkAnswer:
    return ChunkAnswer(
        ends=[End(*end) for end in shape["ends"]],
        records=[NodeRecord(*record) for record in shape["records"]],
        events=[Event(*event) for event in shape["events"]],
        is_declined=shape["is_declined"],
    )
