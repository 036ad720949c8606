"""What a flow means, the slow and plain way: one node after another, by recursion, nothing at once.

The rules are those of ``apps/engine/README.md``. Where the real engine may stop nodes at work because
something else ended the level, this one still works out what they would have done, and tells it as *not
certain*: the engine may have got there, may have cancelled them, or may not have begun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sage_studio.expressions import compile_template
from sage_studio.kernel import SageError
from tests.engine.model import containers, leaves
from tests.engine.model.choices import Choices
from tests.engine.model.endings import Ended, Failed, Hung, Left, RunStopped, problem
from tests.engine.model.nodes import problem_key

Key = tuple[str, str]
"""A node run: node id and iteration path."""

Flow = Mapping[str, Any]
NodeBody = Mapping[str, Any]
_ABSENT = object()
LATE = problem("run.timeout", None, "", can_retry=False)


class TooLong(Exception):
    """The flow runs more nodes than a test has time for."""


@dataclass
class Told:
    """How one node run ends; ``attempts`` as many as it takes when nothing crashes."""

    state: str
    outputs: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None
    attempts: int = 1
    is_certain: bool = True


@dataclass
class Story:
    """All that can be said of a run beforehand. ``order`` holds pairs: the first settles before the second
    begins; ``stages`` the same for whole iterations, by path; ``within`` pairs: the first begins before the
    second, and ends after it. ``iterations`` are told by container and path, with the value as output."""

    state: str = "completed"
    outputs: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None
    nodes: dict[Key, Told] = field(default_factory=dict)
    iterations: dict[Key, Told] = field(default_factory=dict)
    order: list[tuple[Key, Key]] = field(default_factory=list)
    stages: list[tuple[str, str]] = field(default_factory=list)
    within: list[tuple[Key, Key]] = field(default_factory=list)


@dataclass
class Frame:
    """One level at work. ``owner`` is the container whose body it is (``kind`` its type), ``given`` what that
    gives now."""

    path: str = ""
    owner: str | None = None
    kind: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    outer: Frame | None = None
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    spent: list[float] = field(default_factory=lambda: [0.0])
    """Seconds that all so far can have taken at most, in all levels of the run."""

    def spend(self, seconds: float) -> None:
        self.spent[0] += seconds

    def chain(self) -> list[Frame]:
        """This level and those around it, the nearest first."""
        return [self, *(self.outer.chain() if self.outer else [])]


@dataclass(frozen=True)
class Seen:
    """What the engine did, to try likely choices first: when node runs settled, their outputs, and the
    problems of node runs and iterations."""

    settled: Mapping[Key, int] = field(default_factory=dict)
    given: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    problems: Mapping[tuple[str | None, str], Mapping[str, Any]] = field(default_factory=dict)
    claims: int = 1
    """How many workers had the run: what one was at when it was lost, the next does again."""

    def rank(self, key: Key) -> float:
        return self.settled.get(key, float("inf"))

    def is_problem(self, key: tuple[str | None, str], found: Mapping[str, Any]) -> bool:
        problem = self.problems.get(key)
        return problem is not None and problem_key(problem) == problem_key(found)

    def outputs(self, key: Key) -> Mapping[str, Any] | None:
        return self.given.get(key)


class Interpreter:
    """Works out one flow; ``flows`` are those a sub-flow may call. ``most`` bounds the node runs
    (TooLong)."""

    def __init__(
        self,
        flow: Flow,
        inputs: Mapping[str, Any],
        choices: Choices,
        *,
        seen: Seen,
        flows: Mapping[str, Flow],
        most: int,
    ) -> None:
        self.seen = seen
        self.flow = flow
        self.inputs = inputs
        self.choices = choices
        self.flows = flows
        self.most = most
        self.story = Story()
        self.bodies: dict[str | None, list[NodeBody]] = {}
        for node in flow["nodes"]:
            self.bodies.setdefault(node.get("parent"), []).append(node)
        self.edges = list(flow["edges"])
        self._read_by: dict[str, set[str]] = {}

    # The whole run

    def run(self) -> Story:
        top = Frame()
        story = self.story
        try:
            self.level(self.bodies.get(None, []), top)
            story.outputs = self._flow_outputs(top)
        except RunStopped as stopped:
            story.state = "failed" if stopped.problem else "completed"
            story.outputs, story.problem = stopped.outputs, stopped.problem
        except Failed as failed:
            story.state, story.problem = "failed", failed.problem
        except Hung:
            self._end_late()
        except Left:
            raise AssertionError("a stop outside of loops must fail its node") from None
        limit_s = self.flow.get("settings", {}).get("timeout_s")
        if limit_s is not None and top.spent[0] * self.seen.claims >= limit_s:
            is_seen = self.seen.problems.get((None, ""), {}).get("code") == LATE["code"]
            if self.choices.pick([True, False], lambda is_late: is_late != is_seen):
                self._end_late()
        return story

    def _end_late(self) -> None:
        """The flow's time limit cut short whatever had not ended."""
        for _, told in self._all_told():
            told.is_certain = False
        self.story.state, self.story.outputs, self.story.problem = "failed", None, LATE

    def _flow_outputs(self, top: Frame) -> dict[str, Any]:
        if self.flow.get("outputs"):
            return {out["name"]: self.resolve(out["value"], top, {}) for out in self.flow["outputs"]}
        nodes = self.bodies.get(None, [])
        return {n["id"]: top.outputs[n["id"]] for n in self.last_nodes(nodes) if top.outputs.get(n["id"])}

    # One level

    def level(self, nodes: Sequence[NodeBody], frame: Frame) -> None:
        """Settle every node of a level. Raises what ended the level early, if anything did."""
        waits = {node["id"]: self.waits_of(node, nodes) for node in nodes}
        left = list(nodes)
        settled: set[str] = set()
        ends: dict[str, Ended] = {}
        while True:
            node = next((n for n in left if waits[n["id"]] <= settled), None)
            if node is None:
                break
            left.remove(node)
            self._note_order(node, waits[node["id"]], frame)
            try:
                frame.outputs[node["id"]] = self.settle(node, frame) or {}
                settled.add(node["id"])
            except Failed as failed:
                if frame.owner is None and self.goes_on_after_failure:
                    settled.add(node["id"])
                ends[node["id"]] = failed
            except Ended as ended:
                ends[node["id"]] = ended
        if ends:
            raise self._early_end(nodes, waits, frame, ends)

    @property
    def goes_on_after_failure(self) -> bool:
        return bool(self.flow.get("settings", {}).get("on_error") == "continue")

    def _early_end(
        self,
        nodes: Sequence[NodeBody],
        waits: Mapping[str, set[str]],
        frame: Frame,
        ends: Mapping[str, Ended],
    ) -> Ended:
        """One of ``ends`` counts. What did not have to happen before it may not have happened."""
        is_fatal = {
            node_id: not (frame.owner is None and self.goes_on_after_failure and isinstance(end, Failed))
            for node_id, end in ends.items()
        }
        options = [node_id for node_id in ends if is_fatal[node_id]] or list(ends)
        chosen = self.choices.pick(options, lambda node_id: self._unlikelihood(node_id, frame, ends[node_id]))
        if is_fatal[chosen]:
            needed = {chosen}
            for node_id in reversed(_in_order(waits)):
                if any(node_id in waits[later] for later in needed):
                    needed.add(node_id)
            for node in nodes:
                if node["id"] not in needed:
                    self.mark_uncertain(node["id"], frame.path)
        return ends[chosen]

    def _unlikelihood(self, node_id: str, frame: Frame, ended: Ended) -> tuple[bool, float]:
        """What fits the level's recorded problem is tried first, then what settled first."""
        is_it = isinstance(ended, Failed) and self.seen.is_problem((frame.owner, frame.path), ended.problem)
        return (not is_it, self.seen.rank((node_id, frame.path)))

    def mark_uncertain(self, node_id: str, path: str) -> None:
        """This node run, and all of its body, may have been cut short."""
        inside = f"{path}/{node_id}." if path else f"{node_id}."
        for (told_id, told_path), told in self._all_told():
            if (told_id, told_path) == (node_id, path) or told_path.startswith(inside):
                told.is_certain = False

    def mark_uncertain_within(self, path: str) -> None:
        """A whole iteration may have been cut short."""
        for (_, told_path), told in self._all_told():
            if told_path == path or told_path.startswith(f"{path}/"):
                told.is_certain = False

    def _all_told(self) -> list[tuple[Key, Told]]:
        return [*self.story.nodes.items(), *self.story.iterations.items()]

    # Bodies

    def children(self, container: str) -> list[NodeBody]:
        return self.bodies.get(container, [])

    def frame_within(
        self,
        container: containers.Container,
        path: str,
        given: Mapping[str, Any],
        shared: Mapping[str, Mapping[str, Any]],
    ) -> Frame:
        outer = container.frame
        return Frame(path, container.id, container.node["type"], given, outer, dict(shared), outer.spent)

    def tell_iteration(self, container: containers.Container, index: int, state: str, what: Any) -> None:
        """Note how an iteration ended: with a value, or with a problem."""
        told = Told(state, {"value": what}) if state == "completed" else Told(state, problem=what)
        self.story.iterations[container.id, container.path(index)] = told

    def entries_of(self, node: NodeBody) -> set[tuple[str, str]]:
        """(source, its port) of every edge into the node or its body."""
        family = {member["id"] for member in self.family(node)}
        return {(e["source"], e["source_port"]) for e in self.edges if e["target"] in family}

    # What a node waits for

    def waits_of(self, node: NodeBody, level: Sequence[NodeBody]) -> set[str]:
        """Nodes of the same level that must have settled before this one starts."""
        return self.names_read_by(node) & {other["id"] for other in level} - {node["id"]}

    def names_read_by(self, node: NodeBody) -> set[str]:
        """All that the node and its body read, at any depth (looked up once: every iteration asks)."""
        known = self._read_by.get(node["id"])
        if known is None:
            known = {source for inner in self.family(node) for source in self.sources_of(inner)}
            self._read_by[node["id"]] = known
        return known

    def family(self, node: NodeBody) -> list[NodeBody]:
        """The node and all of its body, at any depth."""
        return [node, *(inner for child in self.bodies.get(node["id"], []) for inner in self.family(child))]

    def sources_of(self, node: NodeBody) -> set[str]:
        """Whose values the node itself reads, by edges and by expressions."""
        wired = {edge["source"] for edge in self.edges if edge["target"] == node["id"]}
        return wired | names_in(node.get("config", {}))

    def last_nodes(self, level: Sequence[NodeBody]) -> list[NodeBody]:
        """Nodes of a level that none of it waits for."""
        awaited = {source for node in level for source in self.waits_of(node, level)}
        return [node for node in level if node["id"] not in awaited]

    # One node

    def settle(self, node: NodeBody, frame: Frame) -> Mapping[str, Any] | None:
        """Take a node to its end. Raises what ends the level."""
        inputs = self.inputs_of(node, frame)
        if inputs is None:
            return self.tell(node, frame, Told("skipped"))
        if node.get("disabled"):
            passed = leaves.handed_through(node, inputs)
            return self.tell(node, frame, Told("completed" if passed else "skipped", passed))
        if node.get("pinned") is not None:
            return self.tell(node, frame, Told("completed", leaves.pinned(node)))
        return self._attempts(node, inputs, frame)

    def _attempts(self, node: NodeBody, inputs: Mapping[str, Any], frame: Frame) -> Mapping[str, Any] | None:
        rule = node.get("retry") or {}
        retries = rule.get("count", 0)
        attempt = 1
        while True:
            try:
                outputs = self._attempt(node, inputs, attempt, frame)
                return self.tell(node, frame, Told("completed", outputs, attempts=attempt))
            except Failed as inner:
                failed = leaves.weighed(node, inner)
                if failed.can_retry and attempt <= retries:
                    pause = rule["delay_s"] * rule["backoff"] ** (attempt - 1) * (1 + rule["jitter"])
                    frame.spend(max(pause, node.get("config", {}).get("asks_s", 0)))
                    attempt += 1
                    continue
                self.tell(node, frame, Told("failed", None, failed.problem, attempt))
                if node.get("on_error") == "route":
                    return {"error": failed.problem}
                if node.get("on_error") == "continue":
                    return None
                raise failed from inner
            except (Left, RunStopped, Hung) as ended:
                self.tell_ended(node, frame, ended, attempt)
                raise

    def _attempt(
        self, node: NodeBody, inputs: Mapping[str, Any], attempt: int, frame: Frame
    ) -> Mapping[str, Any]:
        try:
            if node["type"] in containers.CONTAINERS:
                return self._in_time(node, frame, lambda: containers.run(self, node, inputs, attempt, frame))
            config = self.config_of(node, inputs, frame)
            if node["type"] == "sub_flow":
                frame.spend(leaves.LONGEST_WAIT_S)
                return self._sub_flow(config, inputs)
            return leaves.run(node, config, inputs, attempt, frame)
        except SageError as error:
            found = problem(error.code.code, node["id"], frame.path, can_retry=error.can_retry)
            raise Failed(found) from error

    def _in_time(
        self, node: NodeBody, frame: Frame, attempt: Callable[[], Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """One attempt of a container under its time limit. One that never ends is cut short by it; one that
        may take so long may be. Raises how it ended otherwise."""
        limit_s, before = node.get("timeout_s"), frame.spent[0]
        outputs: Mapping[str, Any] = {}
        ended: Ended | None = None
        try:
            outputs = attempt()
        except Ended as end:
            ended = end
        if limit_s is not None and self._is_late(node, frame, ended, frame.spent[0] - before, limit_s):
            frame.spend(limit_s)
            raise Failed(problem("node.timeout", node["id"], frame.path, can_retry=True)) from ended
        if ended is not None:
            raise ended
        return outputs

    def _is_late(
        self, node: NodeBody, frame: Frame, ended: Ended | None, most_s: float, limit_s: float
    ) -> bool:
        if most_s < limit_s:
            return isinstance(ended, Hung)
        key = (node["id"], frame.path)
        seen = self.seen.problems.get(key, {})
        is_seen = (seen.get("code"), seen.get("node_id")) == ("node.timeout", node["id"])
        is_late = isinstance(ended, Hung) or self.choices.pick([True, False], lambda late: late != is_seen)
        if is_late:
            self.mark_uncertain(*key)
        return is_late

    def _sub_flow(self, config: Mapping[str, Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Another flow, worked out the same way; its problem is this node's problem."""
        value = inputs.get("value")
        given = config["inputs"] or (value if isinstance(value, Mapping) else inputs)
        flow = self.flows[config["flow"]]
        child = Interpreter(flow, given, self.choices, seen=Seen(), flows=self.flows, most=self.most).run()
        if child.problem is not None:
            raise Failed(child.problem)
        return {"outputs": child.outputs}

    def tell(self, node: NodeBody, frame: Frame, told: Told) -> Mapping[str, Any] | None:
        """Note how a node run ended; gives its outputs."""
        if len(self.story.nodes) >= self.most:
            raise TooLong
        self.story.nodes[node["id"], frame.path] = told
        return told.outputs

    def tell_ended(self, node: NodeBody, frame: Frame, ended: Ended, attempt: int) -> None:
        """A stop completes, and so do the containers that it climbs through; when the whole run ends they
        are cancelled, unless they come to an end in the same moment."""
        if isinstance(ended, Left) or node["type"] == "stop":
            self.tell(node, frame, Told("completed", {"$left": None}, attempts=attempt))
        else:
            self.tell(node, frame, Told("cancelled", attempts=attempt))

    def inputs_of(self, node: NodeBody, frame: Frame) -> dict[str, Any] | None:
        """Values by wired port; None when the node is to be skipped."""
        inner = {child["id"] for child in self.bodies.get(node["id"], [])}
        ports: dict[str, list[tuple[str, str]]] = {}
        for edge in self.edges:
            if edge["target"] == node["id"] and edge["source"] not in inner:
                ports.setdefault(edge["target_port"], []).append((edge["source"], edge["source_port"]))
        values: dict[str, Any] = {}
        for port, sources in ports.items():
            came = [(s, v) for s, p in sources if (v := self.value_at(s, p, frame)) is not _ABSENT]
            if came:
                values[port] = [list(pair) for pair in came] if leaves.is_multiple(node, port) else came[0][1]
            elif leaves.is_required(node, port):
                return None
        return None if ports and not values else values

    def value_at(self, source: str, port: str, frame: Frame) -> Any:
        """What flows along an edge now: from this level, from one around it, or from its container."""
        for around in frame.chain():
            if around.owner == source:
                return around.given.get(port, _ABSENT)
            if source in around.outputs:
                return around.outputs[source].get(port, _ABSENT)
        return _ABSENT

    # Expressions

    def config_of(
        self, node: NodeBody, inputs: Mapping[str, Any], frame: Frame, *, leave_out: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The node's fields, with defaults, computed, and wired fields taken from their edges."""
        later = set(leave_out)
        config: dict[str, Any] = {}
        for name, value in {**leaves.defaults(node), **node.get("config", {})}.items():
            config[name] = value if name in later else self.resolve(value, frame, inputs)
        config.update({name: value for name, value in inputs.items() if leaves.is_field(node, name)})
        return config

    def evaluate(self, text: Any, names: Mapping[str, Any]) -> Any:
        """One expression over given names; anything but an expression is itself."""
        is_expression = isinstance(text, str) and "{{" in text
        return compile_template(text).evaluate(names) if is_expression else text

    def resolve(self, value: Any, frame: Frame, inputs: Mapping[str, Any]) -> Any:
        """A value with every text in it computed."""
        if isinstance(value, str):
            return self.evaluate(value, self.scope(frame, inputs)) if "{{" in value else value
        if isinstance(value, list):
            return [self.resolve(entry, frame, inputs) for entry in value]
        if isinstance(value, dict):
            return {key: self.resolve(entry, frame, inputs) for key, entry in value.items()}
        return value

    def scope(self, frame: Frame, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Names an expression may read: inner levels hide outer ones."""
        names: dict[str, Any] = {node["id"]: {} for node in self.flow["nodes"]}
        for around in reversed(frame.chain()):
            names.update(around.outputs)
            if around.owner is not None:
                names[around.owner] = around.given
                names.update({name: around.given[name] for name in ("item", "index") if name in around.given})
        return {**names, "inputs": inputs, "flow": {"inputs": self.inputs}, "vars": {}, "run": {}}

    # Order

    def _note_order(self, node: NodeBody, waits: set[str], frame: Frame) -> None:
        for source in waits:
            self.story.order.append(((source, frame.path), (node["id"], frame.path)))
        if frame.owner is not None and frame.outer is not None:
            self.story.within.append(((frame.owner, frame.outer.path), (node["id"], frame.path)))


def names_in(value: Any) -> set[str]:
    """The first names of all expressions in a value."""
    if isinstance(value, str) and "{{" in value:
        return {read.split(".", 1)[0].split("[", 1)[0] for read in compile_template(value).reads}
    if isinstance(value, (list, tuple)):
        return {name for entry in value for name in names_in(entry)}
    if isinstance(value, Mapping):
        return {name for entry in value.values() for name in names_in(entry)}
    return set()


def _in_order(waits: Mapping[str, set[str]]) -> list[str]:
    """Node ids, each after all it waits for."""
    order: list[str] = []
    while len(order) < len(waits):
        order += [n for n in waits if n not in order and waits[n] <= set(order)]
    return order
