"""What nodes with a body do: how often the body runs, with what, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from sage_studio.kernel import SageError
from tests.engine.model.endings import Ended, Failed, Hung, Left, RunStopped, problem
from tests.engine.model.leaves import LOOPS, is_true
from tests.engine.model.nodes import digest

if TYPE_CHECKING:
    from tests.engine.model.interpreter import Frame, Interpreter, NodeBody

SECTIONS = ("try", "catch", "finally")


@dataclass
class Iteration:
    """What one run of a body came to."""

    value: Any = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    leaves_loop: bool = False


@dataclass
class Container:
    """One attempt of a container: its settings, and the way to run its body."""

    model: Interpreter
    node: NodeBody
    config: Mapping[str, Any]
    inputs: Mapping[str, Any]
    attempt: int
    frame: Frame
    shared: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """What nodes of finished sections gave, for the sections after them."""

    @property
    def id(self) -> str:
        return str(self.node["id"])

    def path(self, index: int) -> str:
        step = f"{self.id}.{index}@{self.attempt}"
        return f"{self.frame.path}/{step}" if self.frame.path else step

    def items(self) -> list[Any]:
        """What the field holds: a list, how many times, one object, or nothing. Raises Failed."""
        items = self.config["items"]
        if isinstance(items, (int, float)) and not isinstance(items, bool):
            return list(range(max(0, int(items))))
        if items is None or items == "":
            raise self.fail("node.bad_setting")
        if isinstance(items, Mapping):
            return [items]
        if not isinstance(items, list):
            raise self.fail("node.not_a_list")
        return items

    def fail(self, code: str) -> Failed:
        return Failed(problem(code, self.id, self.frame.path, can_retry=False))

    def body(
        self, index: int, given: Mapping[str, Any], members: Sequence[NodeBody] | None = None
    ) -> Iteration:
        """Run the body, or ``members`` of it, once. Raises how it ended otherwise; a stop that means this
        iteration or this loop ends here."""
        nodes = self.model.children(self.id) if members is None else members
        inner = self.model.frame_within(self, self.path(index), given, self.shared)
        try:
            self.model.level(nodes, inner)
            fields = self._fields(inner)
            iteration = Iteration(self._value(nodes, inner, fields), fields)
        except Failed as failed:
            self.model.tell_iteration(self, index, "failed", failed.problem)
            raise
        except Left as left:
            self.model.tell_iteration(self, index, "completed", left.value)
            if self.node["type"] not in LOOPS:
                raise
            return Iteration(left.value, {}, leaves_loop=left.what == "loop")
        finally:
            self._share(nodes, inner)
        self.model.tell_iteration(self, index, "completed", iteration.value)
        return iteration

    # Parts of the body

    def links(self) -> list[tuple[str, str]]:
        """(child, child that waits for it)."""
        children = self.model.children(self.id)
        return [
            (source, child["id"]) for child in children for source in self.model.waits_of(child, children)
        ]

    def lanes(self) -> dict[str, list[NodeBody]]:
        """Unconnected parts of the body, each by the id of its first child in the document."""
        children = self.model.children(self.id)
        part = {child["id"]: {child["id"]} for child in children}
        for first, second in self.links():
            joined = part[first] | part[second]
            part.update(dict.fromkeys(joined, joined))
        lanes: dict[str, list[NodeBody]] = {}
        for child in children:
            name = next(other["id"] for other in children if other["id"] in part[child["id"]])
            lanes.setdefault(name, []).append(child)
        return lanes or {"": []}

    def sections(self) -> dict[str, list[NodeBody]]:
        """Which children hang on ``catch`` and on ``finally``; all others are ``try``."""
        children = self.model.children(self.id)
        section = {child["id"]: "try" for child in children}
        for name in ("catch", "finally"):
            reached = {child["id"] for child in children if (self.id, name) in self.model.entries_of(child)}
            while more := {second for first, second in self.links() if first in reached} - reached:
                reached |= more
            section.update(dict.fromkeys(reached, name))
        return {name: [child for child in children if section[child["id"]] == name] for name in SECTIONS}

    # What is left open when several run at once

    def choose_end(self, ends: Mapping[int | None, Ended], *, can_complete: bool) -> int | None:
        """Which iteration ended the container early, or None."""
        has_completed = "$left" not in (self.seen() or {"$left": None})
        key = (self.id, self.frame.path)

        def rank(index: int | None) -> tuple[bool, bool]:
            ended = None if index is None else ends[index]
            is_it = isinstance(ended, Failed) and self.model.seen.is_problem(key, ended.problem)
            return ((index is None) != has_completed, not is_it)

        return self.model.choices.pick([*([None] if can_complete else []), *ends], rank)

    def choose_lanes(self, lanes: Sequence[str], least: int) -> set[str]:
        """Which lanes ended in time: at least so many."""
        seen = set((self.seen() or {}).get("results", ()))
        sizes = range(least, len(lanes) + 1)
        options = [set(chosen) for size in sizes for chosen in combinations(lanes, size)]
        return self.model.choices.pick(options, lambda chosen: chosen != seen)

    def choose_first(self, values: Mapping[str, Any]) -> Any:
        """The value of the lane that ended first."""
        seen = (self.seen() or {}).get("first")
        lane = self.model.choices.pick(list(values), lambda name: digest(values[name]) != digest(seen))
        return values[lane]

    def seen(self) -> Mapping[str, Any] | None:
        """What the engine recorded as this container's outputs: only to try likely choices first."""
        return self.model.seen.outputs((self.id, self.frame.path))

    def note_stage(self, first: int, second: int) -> None:
        """All of the first iteration is over before anything of the second begins."""
        if first >= 0:
            self.model.story.stages.append((self.path(first), self.path(second)))

    def mark_uncertain(self, index: int) -> None:
        self.model.mark_uncertain_within(self.path(index))

    def _share(self, members: Sequence[NodeBody], inner: Frame) -> None:
        """Keep what other sections read; a node that may have been cut short may have given nothing."""
        ids = {member["id"] for member in members}
        others = [child for child in self.model.children(self.id) if child["id"] not in ids]
        read = {name for one in (*others, self.node) for name in self.model.names_read_by(one)}
        for node_id in sorted(ids & read & inner.outputs.keys()):
            told = self.model.story.nodes.get((node_id, inner.path))
            if told is not None and (told.is_certain or self._has_given(node_id, inner.path)):
                self.shared[node_id] = inner.outputs[node_id]

    def _has_given(self, node_id: str, path: str) -> bool:
        is_seen = self.model.seen.outputs((node_id, path)) is not None

        def rank(has_given: bool) -> float:
            return has_given != is_seen

        return self.model.choices.pick([True, False], rank)

    def _fields(self, inner: Frame) -> dict[str, Any]:
        """The fields that are evaluated inside, at an iteration's end. Raises Failed."""
        config = self.node.get("config", {})
        given = {name: config[name] for name in BODY_FIELDS if config.get(name) is not None}
        try:
            return {name: self.model.resolve(value, inner, {}) for name, value in given.items()}
        except SageError as error:
            found = problem(error.code.code, self.id, inner.path, can_retry=error.can_retry)
            raise Failed(found) from error

    def _value(self, nodes: Sequence[NodeBody], inner: Frame, fields: Mapping[str, Any]) -> Any:
        members = {node["id"] for node in nodes}
        edges = [e for e in self.model.edges if e["target"] == self.id and e["target_port"] == "result"]
        if wires := [edge for edge in edges if edge["source"] in members]:
            for edge in wires:
                outputs = inner.outputs.get(edge["source"], {})
                if edge["source_port"] in outputs:
                    return outputs[edge["source_port"]]
            return None
        if "result" in fields:
            return fields["result"]
        last = [node["id"] for node in self.model.last_nodes(nodes)]
        if len(last) <= 1:
            return next((value for one in last for value in inner.outputs.get(one, {}).values()), None)
        return {node_id: dict(inner.outputs[node_id]) for node_id in last if inner.outputs.get(node_id)}


BODY_FIELDS = ("result", "break_when")
FIELDS_OF_ITEMS = ("condition",)


def run(
    model: Interpreter, node: NodeBody, inputs: Mapping[str, Any], attempt: int, frame: Frame
) -> Mapping[str, Any]:
    """The outputs of one attempt. Raises how it ended otherwise."""
    config = model.config_of(node, inputs, frame, leave_out=(*BODY_FIELDS, *FIELDS_OF_ITEMS))
    return CONTAINERS[node["type"]](Container(model, node, config, inputs, attempt, frame))


# One iteration after another


def loop_for(loop: Container) -> Mapping[str, Any]:
    results: list[Any] = []
    for index, item in enumerate(loop.items()):
        previous = results[-1] if results else None
        iteration = loop.body(index, {"item": item, "index": index, "previous": previous})
        results.append(iteration.value)
        loop.note_stage(index - 1, index)
        if iteration.leaves_loop or is_true(iteration.fields.get("break_when")):
            break
    return {"results": results, "last": results[-1] if results else None, "count": len(results)}


def loop_while(loop: Container) -> Mapping[str, Any]:
    config = loop.config
    value, count = loop.inputs.get("initial"), 0
    while (config["check"] == "after" and count == 0) or _holds(loop, value, count):
        if count >= config["max_iterations"]:
            if config["on_limit"] == "fail":
                raise loop.fail("loop.too_many")
            break
        iteration = loop.body(count, {"item": value, "index": count})
        loop.note_stage(count - 1, count)
        value, count = iteration.value, count + 1
        if iteration.leaves_loop:
            break
    return {"value": value, "count": count}


def _holds(loop: Container, item: Any, index: int) -> bool:
    names = {**loop.model.scope(loop.frame, loop.inputs), "item": item, "index": index}
    return is_true(loop.model.evaluate(loop.config["condition"], names))


# Several at once


def map_each(loop: Container) -> Mapping[str, Any]:
    """Every item is worked out; then it is decided what can have ended the map. The first item in order
    that breaks is the last that counts."""
    on_error, is_serial = loop.config["on_item_error"], loop.config["parallelism"] == 1
    done: dict[int, Iteration] = {}
    failed: dict[int, Failed] = {}
    stopped: dict[int, Ended] = {}
    for index, item in enumerate(loop.items()):
        try:
            done[index] = loop.body(index, {"item": item, "index": index})
        except Failed as failure:
            failed[index] = failure
        except (RunStopped, Hung) as ended:
            stopped[index] = ended
        if is_serial and index:
            loop.note_stage(index - 1, index)
        if is_serial and _is_last(index, done, failed if on_error == "fail" else {}, stopped):
            break
    count = min([index + 1 for index in done if done[index].leaves_loop], default=len(loop.items()))
    ends: dict[int | None, Ended] = dict(stopped.items())
    ends.update(failed.items() if on_error == "fail" else ())
    chosen = loop.choose_end(ends, can_complete=all(index is None or index >= count for index in ends))
    for index in range(len(loop.items())):
        if index >= count or (chosen is not None and index != chosen):
            loop.mark_uncertain(index)
    if chosen is not None:
        raise ends[chosen]
    errors = [{"index": i, "error": failed[i].problem} for i in range(count) if i in failed]
    results = [done[i].value if i in done else None for i in range(count) if i in done or on_error != "skip"]
    return {"results": results, "errors": errors, "count": count - len(errors)}


def _is_last(
    index: int, done: Mapping[int, Iteration], failed: Mapping[int, Ended], stopped: Mapping[int, Ended]
) -> bool:
    return index in failed or index in stopped or done.get(index, Iteration()).leaves_loop


def parallel(container: Container) -> Mapping[str, Any]:
    """Every lane is worked out; then it is decided which of them counted."""
    lanes = container.lanes()
    names = list(lanes)
    config = container.config
    needed = {"all": len(lanes), "first": 1, "some": min(config["needed"], len(lanes))}[config["wait_for"]]
    values: dict[str, Any] = {}
    ends: dict[int | None, Ended] = {}
    for index, name in enumerate(names):
        try:
            given = {"value": container.inputs.get("value")}
            values[name] = container.body(index, given, lanes[name]).value
        except Ended as ended:
            ends[index] = ended
    failures = sum(isinstance(end, Failed) for end in ends.values())
    if failures <= len(lanes) - needed:
        ends = {index: end for index, end in ends.items() if not isinstance(end, Failed)}
    if len(values) >= needed and config["limit"] >= len(lanes):
        # A lane that never ends holds nobody up.
        ends = {index: end for index, end in ends.items() if not isinstance(end, Hung)}
    chosen = container.choose_end(ends, can_complete=len(values) >= needed)
    counted = container.choose_lanes(list(values), needed) if chosen is None else set()
    for index, name in enumerate(names):
        if name not in counted and index != chosen:
            container.mark_uncertain(index)
    if chosen is not None:
        raise ends[chosen]
    results = {name: values[name] for name in names if name in counted}
    return {"results": results, "first": container.choose_first(results)}


# Try


def try_catch(container: Container) -> Mapping[str, Any]:
    sections = container.sections()
    outputs: dict[str, Any] = {}
    ended: Ended | None = None
    try:
        outputs["result"] = container.body(0, {"try": container.inputs.get("value")}, sections["try"]).value
    except Failed as failure:
        outputs["caught"] = failure.problem
        if sections["catch"]:
            try:
                caught = container.body(1, {"catch": failure.problem}, sections["catch"])
                outputs["result"] = caught.value
            except (Failed, Left) as second:
                ended = second
    except Left as left:
        ended = left
    if sections["finally"]:
        facts = {"value": container.inputs.get("value"), "error": outputs.get("caught")}
        container.body(2, {"finally": facts}, sections["finally"])
    container.note_stage(0, 1)
    container.note_stage(0, 2)
    container.note_stage(1, 2)
    if ended is not None:
        raise ended
    return outputs


CONTAINERS: dict[str, Callable[[Container], Mapping[str, Any]]] = {
    "loop_for": loop_for,
    "loop_while": loop_while,
    "map_each": map_each,
    "parallel": parallel,
    "try_catch": try_catch,
}
