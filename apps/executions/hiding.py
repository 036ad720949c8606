"""What viewers still see of a run where the owner hides what runs take and give: that something happened,
where, when, how long it took and why it failed, but no value and no line a node wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from apps.executions.selectors import Wait
from sage_studio.kernel import JsonObject

# What is kept of the events that carry values; all of any other event is kept.
_KEPT: Mapping[str, frozenset[str]] = {
    "log": frozenset({"level"}),
    "node_progress": frozenset({"done", "total"}),
    "node_waiting": frozenset({"name", "kind", "since", "until", "signal"}),
    "breakpoint_hit": frozenset({"stop"}),
}
_WORDS = "•••"


def without_values(type_: str, data: Mapping[str, Any]) -> JsonObject:
    """The data of an event without values."""
    if (kept := _KEPT.get(type_)) is None:
        return dict(data)
    shown = {name: value for name, value in data.items() if name in kept}
    return {**shown, "message": _WORDS} if type_ == "log" else shown


def event_without_values(event: JsonObject) -> JsonObject:
    """An event as readers see it, without values."""
    return {**event, "data": without_values(str(event["type"]), cast(JsonObject, event["data"]))}


def without_question(wait: Wait) -> Wait:
    """A wait that says what kind it is and not what is asked: questions are made of values."""
    return replace(wait, details={name: wait.details[name] for name in ("kind",) if name in wait.details})
