"""What nodes with a body do: how often the body runs, with what, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.engine.model.endings import Ended, Failed, Left, problem
from tests.engine.model.leaves import is_true

if TYPE_CHECKING:
    from tests.engine.model.interpreter import Frame, Interpreter, NodeBody

LOOPS = {"loop_for", "loop_while", "map_each"}
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
    attempt: int
    frame: Frame

    @property
    def id(self) -> str:
        return str(self.node["id"])

    def path(self, index: int) -> str:
        step = f"{self.id}.{index}@{self.attempt}"
        return f"{self.frame.path}/{step}" if self.frame.path else step

    def fail(self, code: str) -> Failed:
        return Failed(problem(code, self.id, self.frame.path, can_retry=False))

    def body(
        self, index: int, given: Mapping[str, Any], members: Sequence[NodeBody] | None = None
    ) -> Iteration:
        """Run the body, or ``members`` of it, once. Raises how it ended otherwise; a stop that means this
        iteration or this loop ends here."""
        nodes = self.model.children(self.id) if members is None else members
        inner = self.model.frame_within(self, self.path(index), given)
        try:
            self.model.level(nodes, inner)
        except Left as left:
            if self.node["type"] not in LOOPS:
                raise
            return Iteration(left.value, {}, leaves_loop=left.what == "loop")
        fields = {name: self.model.resolve(value, inner, {}) for name, value in self._body_fields()}
        return Iteration(self._value(nodes, inner, fields), fields)

    def _body_fields(self) -> list[tuple[str, Any]]:
        config = self.node.get("config", {})
        return [(name, config[name]) for name in BODY_FIELDS if config.get(name) is not None]

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
        if len(last) == 1:
            return next(iter(inner.outputs.get(last[0], {}).values()), None)
        return {node_id: dict(inner.outputs[node_id]) for node_id in last if inner.outputs.get(node_id)}


BODY_FIELDS = ("result", "break_when")


def run(
    model: Interpreter, node: NodeBody, inputs: Mapping[str, Any], attempt: int, frame: Frame
) -> Mapping[str, Any]:
    """The outputs of one attempt. Raises how it ended otherwise."""
    config = model.config_of(node, inputs, frame, leave_out=(*BODY_FIELDS, "condition"))
    return CONTAINERS[node["type"]](Container(model, node, config, attempt, frame))


def loop_for(loop: Container) -> Mapping[str, Any]:
    results: list[Any] = []
    for index, item in enumerate(loop.config["items"]):
        given = {"item": item, "index": index, "previous": results[-1] if results else None}
        iteration = loop.body(index, given)
        results.append(iteration.value)
        if iteration.leaves_loop or is_true(iteration.fields.get("break_when")):
            break
    return {"results": results, "last": results[-1] if results else None, "count": len(results)}


def loop_while(loop: Container) -> Mapping[str, Any]:
    config = loop.config
    item = config["initial"]
    index = 0
    while (config["check"] == "after" and index == 0) or _holds(loop, item, index):
        if index >= config["max_iterations"]:
            if config["on_limit"] == "fail":
                raise loop.fail("loop.limit")
            break
        iteration = loop.body(index, {"item": item, "index": index})
        item = iteration.value
        index += 1
        if iteration.leaves_loop:
            break
    return {"value": item, "count": index}


def _holds(loop: Container, item: Any, index: int) -> bool:
    scope = {**loop.model.scope(loop.frame, {}), "item": item, "index": index}
    return is_true(loop.model.evaluate(loop.config["condition"], scope))


def map_each(loop: Container) -> Mapping[str, Any]:
    raise NotImplementedError


def parallel(container: Container) -> Mapping[str, Any]:
    raise NotImplementedError


def try_catch(container: Container) -> Mapping[str, Any]:
    raise NotImplementedError


CONTAINERS: dict[str, Callable[[Container], Mapping[str, Any]]] = {
    "loop_for": loop_for,
    "loop_while": loop_while,
    "map_each": map_each,
    "parallel": parallel,
    "try_catch": try_catch,
}
__all__ = ["CONTAINERS", "Ended"]
