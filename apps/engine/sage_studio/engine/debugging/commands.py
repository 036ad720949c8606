"""What a person may tell a debug session, read from JSON and checked as far as shape goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from sage_studio.engine.debugging.errors import BAD_BREAKPOINT, BAD_COMMAND
from sage_studio.engine.debugging.state import ANY_NODE, Breakpoint, Edits, Phase
from sage_studio.expressions.handing import compile_handing_over
from sage_studio.kernel import Json, JsonObject, SageError

Word = Literal[
    "set_breakpoints",
    "set_breakpoint",
    "clear_breakpoint",
    "pause",
    "continue",
    "step_over",
    "step_into",
    "step_out",
    "run_to",
    "focus",
    "set_inputs",
    "set_outputs",
    "again",
    "stop",
]
WORDS: tuple[str, ...] = get_args(Word)
# Words that act on one stop and are refused without it.
AT_A_STOP = frozenset({"step_over", "step_into", "step_out", "focus", "set_inputs", "set_outputs", "again"})
_KEYS = frozenset(
    {"command", "stop", "node_id", "on", "breakpoint", "breakpoints", "inputs", "config", "outputs"}
)
MAX_BREAKPOINTS = 200
MAX_TEXT_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class DebugCommand:
    """One command. ``stop`` is the stop it refers to; when the run has left that stop the command is
    refused, so that two people who press the same button at once move the run once.

    ``seq`` numbers the commands of a run from 1 where they are kept (0: not kept); ``by`` says who.
    """

    word: Word
    stop: str | None = None
    node_id: str = ""
    on: Phase = "before"
    breakpoints: tuple[Breakpoint, ...] = ()
    edits: Edits = field(default_factory=Edits)
    outputs: Mapping[str, Json] | None = None
    seq: int = 0
    by: JsonObject = field(default_factory=dict)


def read_command(shape: Mapping[str, Any], *, seq: int = 0, by: JsonObject | None = None) -> DebugCommand:
    """A command from its JSON. Raises SageError ``debug.command`` or ``debug.breakpoint``."""
    word = shape.get("command")
    if word not in WORDS:
        words = ", ".join(WORDS)
        raise _bad(f"command is one of {words}", f"command 必须是 {words} 之一")
    if unknown := shape.keys() - _KEYS:
        names = _named(unknown)
        raise _bad(f"it has no {names}", f"没有 {names} 这一项")
    stop = shape.get("stop")
    if stop is not None and not isinstance(stop, str):
        raise _bad("stop is the id of a stop", "stop 必须是断点位置的 id")
    if word in AT_A_STOP and stop is None:
        raise _bad(f"{word} names the stop it is about", f"{word} 需要指明断点位置（stop）")
    return DebugCommand(
        word=cast(Word, word),
        stop=stop,
        node_id=_node_id(shape, word),
        on=_phase(shape),
        breakpoints=_breakpoints(shape, word),
        edits=Edits(_object(shape, "inputs"), _object(shape, "config")),
        outputs=_object(shape, "outputs") if word == "set_outputs" else None,
        seq=seq,
        by=by or {},
    )


def read_breakpoints(shapes: Any) -> list[Breakpoint]:
    """Breakpoints from a JSON list. Raises SageError ``debug.command`` or ``debug.breakpoint``."""
    if not isinstance(shapes, list) or len(shapes) > MAX_BREAKPOINTS:
        limit = MAX_BREAKPOINTS
        raise _bad(f"breakpoints is a list of at most {limit}", f"breakpoints 必须是最多 {limit} 项的列表")
    return [_breakpoint(shape) for shape in shapes]


def _breakpoints(shape: Mapping[str, Any], word: str) -> tuple[Breakpoint, ...]:
    if word == "set_breakpoints":
        return tuple(read_breakpoints(shape.get("breakpoints")))
    if word == "set_breakpoint":
        return (_breakpoint(shape.get("breakpoint")),)
    return ()


def _breakpoint(shape: Any) -> Breakpoint:
    if not isinstance(shape, dict):
        raise _bad("a breakpoint is an object", "断点必须是对象")
    unknown = shape.keys() - {*Breakpoint.__slots__, "hits"}
    if unknown:
        names = _named(unknown)
        raise _bad(f"a breakpoint has no {names}", f"断点没有 {names} 这一项")
    point = Breakpoint(
        node_id=_text(shape, "node_id"),
        on=_phase(shape),
        condition=_text(shape, "condition", ""),
        hit_count=shape.get("hit_count", 1),
        log=_text(shape, "log", ""),
        enabled=shape.get("enabled", True) is True,
    )
    check_breakpoint(point)
    return point


def check_breakpoint(point: Breakpoint) -> None:
    """Raises SageError ``debug.breakpoint`` for one that could never work."""
    reason = reason_zh = ""
    if not point.node_id or (point.node_id == ANY_NODE and point.on != "error"):
        reason, reason_zh = "it names no node", "未指明节点"
    elif type(point.hit_count) is not int or not 1 <= point.hit_count <= 1_000_000_000:
        reason, reason_zh = "hit_count is a whole number from 1", "hit_count 必须是不小于 1 的整数"
    else:
        try:
            compile_handing_over(as_expression(point.condition))
            compile_handing_over(point.log)
        except SageError as error:
            reason, reason_zh = error.message("en"), error.message("zh")
    if reason:
        facts: JsonObject = {"node_id": point.node_id, "reason": reason, "reason_zh": reason_zh}
        raise SageError(BAD_BREAKPOINT, facts)


def as_expression(condition: str) -> str:
    """A condition with its braces; people may leave them out."""
    return condition if "{{" in condition or not condition.strip() else f"{{{{ {condition} }}}}"


def _node_id(shape: Mapping[str, Any], word: str) -> str:
    if word in {"run_to", "clear_breakpoint"}:
        return _text(shape, "node_id")
    return ""


def _phase(shape: Mapping[str, Any]) -> Phase:
    phase = shape.get("on", "before")
    if phase not in get_args(Phase):
        raise _bad("on is before or error", "on 必须是 before 或 error")
    return cast(Phase, phase)


def _text(shape: Mapping[str, Any], name: str, absent: str | None = None) -> str:
    value = shape.get(name, absent)
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        limit = MAX_TEXT_LENGTH
        raise _bad(
            f"{name} is a text of at most {limit} characters", f"{name} 必须是最多 {limit} 个字符的文本"
        )
    return value


def _object(shape: Mapping[str, Any], name: str) -> dict[str, Json]:
    value = shape.get(name, {})
    if not isinstance(value, dict):
        raise _bad(f"{name} is an object", f"{name} 必须是对象")
    return value


def _named(unknown: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, unknown)))[:200]


def _bad(reason: str, reason_zh: str) -> SageError:
    return SageError(BAD_COMMAND, {"reason": reason, "reason_zh": reason_zh})
