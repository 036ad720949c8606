"""What single nodes without a body do, told again in a few lines each."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sage_studio.flow.spec import NodeSpec
from tests.engine.model.endings import Ended, Failed, Hung, Left, RunStopped, problem
from tests.engine.model.nodes import STUCK_S, Library, answer, digest, fails

if TYPE_CHECKING:
    from tests.engine.model.interpreter import Frame, NodeBody

LIBRARY = Library()
LOOPS = {"loop_for", "loop_while", "map_each"}
CALCULATING = {"calc", "act", "once"}
LONGEST_WAIT_S = 1_000


def run(
    node: NodeBody, config: Mapping[str, Any], inputs: Mapping[str, Any], attempt: int, frame: Frame
) -> Mapping[str, Any]:
    """The outputs of one attempt. Raises how it ended otherwise."""
    kind = node["type"]
    if kind in CALCULATING:
        if attempt <= config["hangs"]:
            if node["timeout_s"] == STUCK_S:
                raise Hung
            frame.spend(node["timeout_s"])
            raise Failed(problem("node.timeout", node["id"], frame.path, can_retry=kind != "once"))
        if fails(config, attempt, frame.path):
            raise Failed(problem("model.planned", node["id"], frame.path, can_retry=config["can_retry"]))
        return answer(config["base"], config["reads"], inputs)
    if kind == "if_else":
        return {"true" if is_true(config["condition"]) else "false": inputs.get("value")}
    if kind == "merge":
        return merged(node, config["mode"], inputs["values"], frame)
    if kind == "switch":
        return {case_of(config): inputs.get("value")}
    if kind == "stop":
        raise stopped(node, config, frame)
    if kind == "wait":
        frame.spend(LONGEST_WAIT_S)
        return waited(node["id"], frame.path, config["mode"], inputs.get("value"))
    raise AssertionError(f"no model of {kind}")


def weighed(node: NodeBody, failed: Failed) -> Failed:
    """The failure as its node sees it, which may say for which errors it is tried again; one that nobody may
    repeat is so only for those that can be."""
    patterns = (node.get("retry") or {}).get("errors")
    if patterns is None:
        return failed
    is_meant = any(fnmatchcase(failed.problem["code"], pattern) for pattern in patterns)
    can_retry = is_meant and (failed.can_retry or node["type"] != "once")
    return Failed({**failed.problem, "retryable": can_retry})


def case_of(config: Mapping[str, Any]) -> str:
    """The port of the first case that fits: it is true, or it is what is compared."""
    for number in range(1, 9):
        case = config[f"case_{number}"]
        if case is not None and (case if isinstance(case, bool) else str(case) == str(config["by"])):
            return f"case_{number}"
    return "default"


def stopped(node: NodeBody, config: Mapping[str, Any], frame: Frame) -> Ended:
    """How a stop ends the level around it."""
    what = config["what"]
    if config["ends_with"] == "error":
        found = problem("node.failed", node["id"], frame.path, can_retry=False)
        return RunStopped(None, found) if what == "run" else Failed(found)
    if what == "run":
        return RunStopped(config["value"])
    if not any(around.kind in LOOPS for around in frame.chain()):
        return Failed(problem("node.not_in_loop", node["id"], frame.path, can_retry=False))
    return Left(what, config["value"])


def waited(node_id: str, path: str, mode: str, value: Any) -> dict[str, Any]:
    """What a wait gives once it is over."""
    if mode in {"time", "until"}:
        return {"value": value}
    payload = payload_of(node_id, path)
    if mode == "signal":
        return {"value": value, "payload": payload}
    return {"approved" if payload["approved"] else "rejected": value, "payload": payload}


def payload_of(node_id: str, path: str) -> dict[str, Any]:
    """What somebody outside answers to a wait, in these tests."""
    return {"approved": digest([node_id, path]) % 2 == 0, "note": path}


def is_true(value: Any) -> bool:
    """JavaScript's rule (lists and objects count as yes), and the words for no."""
    if isinstance(value, str):
        return value.strip().lower() not in {"", "false", "0", "no", "null", "undefined"}
    return isinstance(value, (list, Mapping)) or bool(value)


def merged(node: NodeBody, mode: str, pairs: list[list[Any]], frame: Frame) -> dict[str, Any]:
    """One value made of ``(node id, value)`` pairs."""
    values = [value for _, value in pairs]
    lists = [value if isinstance(value, list) else [value] for value in values]
    if mode == "first":
        value: Any = values[0]
    elif mode == "any":
        full = [value for value in values if value not in (None, "", [], {})]
        value = full[0] if full else None
    elif mode == "all":
        value = values
    elif mode == "append":
        value = [entry for entries in lists for entry in entries]
    elif mode == "zip":
        value = [[entries[i] for entries in lists] for i in range(min(len(entries) for entries in lists))]
    elif mode == "by_node":
        value = dict(pairs)
    else:
        if not all(isinstance(value, Mapping) for value in values):
            raise Failed(problem("merge.not_objects", node["id"], frame.path, can_retry=False))
        value = {key: entry for mapping in values for key, entry in mapping.items()}
    return {"value": value, "count": len(values)}


# What the declarations say


def spec_of(node: NodeBody) -> NodeSpec:
    found = LIBRARY.spec(node["type"])
    assert found is not None, node["type"]
    return found


def is_multiple(node: NodeBody, port: str) -> bool:
    return any(p.name == port and p.multiple for p in spec_of(node).inputs)


def is_required(node: NodeBody, port: str) -> bool:
    return any(p.name == port and p.required for p in spec_of(node).inputs)


def is_field(node: NodeBody, port: str) -> bool:
    """Whether an input port is a configuration field that was wired."""
    spec = spec_of(node)
    return all(p.name != port for p in spec.inputs) and any(f.name == port for f in spec.config)


def defaults(node: NodeBody) -> dict[str, Any]:
    return {field.name: field.default for field in spec_of(node).config}


def pinned(node: NodeBody) -> Mapping[str, Any]:
    """A pinned object of ports as it is, any other value on the first output."""
    value = node["pinned"]
    ports = [port.name for port in spec_of(node).outputs]
    if isinstance(value, Mapping) and value and set(value) <= {*ports, "error"}:
        return value
    return {ports[0]: value}


def handed_through(node: NodeBody, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a disabled node gives: inputs of the same name, else the first input on every output."""
    if not inputs:
        return None
    single = {port: value for port, value in inputs.items() if not is_multiple(node, port)}
    if not single:
        single = {port: pairs[0][1] for port, pairs in inputs.items()}
    first = next(iter(single.values()))
    return {p.name: single.get(p.name, first) for p in spec_of(node).outputs if p.name != "error"} or None
