"""Port types: reading them, and which value fits which port.

Grammar: a name, ``name<T>`` or ``name[T]``, ``T | U``, and ``T?`` for ``T | null``. Lower-case names
are the basic kinds; names with a capital are records known by name. The usual spellings of other
languages are aliases (``int float str list[T] array<float>``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sage_studio.kernel import SageError, define_error

MAX_LENGTH = 200
MAX_DEPTH = 12

BAD_TYPE = define_error(
    "flow.port_type", 2040, status=422,
    en="“{type}” is no port type: {reason}.", zh="“{type}” 不是有效的端口类型：{reason_zh}。",
    hint_en="Examples: string, number, array<Document>, string | null.",
    hint_zh="示例：string、number、array<Document>、string | null。",
)  # fmt: skip

BASIC = ("string", "integer", "number", "boolean", "object", "any", "bytes", "null")
CONTAINERS = ("array", "stream", "map")
_ALIASES = {
    "str": "string", "text": "string", "int": "integer", "float": "number", "double": "number",
    "bool": "boolean", "dict": "object", "json": "any", "none": "null", "list": "array",
}  # fmt: skip
# What a named record is when a port asks for something structural, and which records are another
# record with more in it.
_STRUCTURE = {"Embedding": "array<number>", "Table": "array<object>"}
_IS_A = {"Chunk": "Document", "Image": "File"}

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[<>\[\]|,?]|$)")


@dataclass(frozen=True, slots=True)
class PortType:
    """``name`` with its arguments; a union has the name ``|`` and its members as arguments."""

    name: str
    args: tuple[PortType, ...] = ()

    def __str__(self) -> str:
        if self.name == "|":
            return " | ".join(str(arg) for arg in self.args)
        return f"{self.name}<{', '.join(str(arg) for arg in self.args)}>" if self.args else self.name


ANY = PortType("any")
NULL = PortType("null")


@lru_cache(maxsize=4096)
def parse_type(text: str) -> PortType:
    """The type ``text`` writes. Raises SageError ``flow.port_type``."""
    return _Reader(text).whole()


def is_assignable(source: str | PortType, target: str | PortType) -> bool:
    """Whether a value of ``source`` may flow into a port of ``target``."""
    return _fits(_as_type(source), _as_type(target))


def _as_type(value: str | PortType) -> PortType:
    return parse_type(value) if isinstance(value, str) else value


@lru_cache(maxsize=16384)
def _fits(source: PortType, target: PortType) -> bool:  # noqa: PLR0911 - one rule of the table a line
    """``any`` fits both ways, because only the run can know; a union source must fit with every
    member, a union target needs one; containers go by their items; a record fits an object."""
    if source == target or "any" in (source.name, target.name):
        return True
    if source.name == "|":
        return all(_fits(member, target) for member in source.args)
    if target.name == "|":
        return any(_fits(source, member) for member in target.args)
    if source.name == target.name:
        return all(_fits(mine, theirs) for mine, theirs in zip(source.args, target.args, strict=True))
    if {source.name, target.name} == {"array", "stream"}:
        # A list is fed into a stream; a stream is gathered into a list.
        return _fits(source.args[0], target.args[0])
    if (source.name, target.name) in (("integer", "number"), ("map", "object"), ("object", "map")):
        return True
    if _is_record(source):
        return _record_fits(source, target)
    if target.name in _STRUCTURE:
        return _fits(source, parse_type(_STRUCTURE[target.name]))
    return False


def _is_record(kind: PortType) -> bool:
    return kind.name[:1].isupper()


def _record_fits(source: PortType, target: PortType) -> bool:
    if source.name in _STRUCTURE:
        return _fits(parse_type(_STRUCTURE[source.name]), target)
    wider = _IS_A.get(source.name)
    return target.name in ("object", "map") or (wider is not None and _fits(PortType(wider), target))


_VALUE_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (Mapping,),
    "map": (Mapping,),
    "bytes": (bytes, bytearray),
    "null": (type(None),),
}


def is_value_of(value: Any, kind: str | PortType) -> bool:
    """Whether ``value`` is of the port type, as far as its shape tells: records by being objects, lists
    and maps by every item."""
    wanted = _as_type(kind)
    name = wanted.name
    if name == "any":
        return True
    if name == "|":
        return any(is_value_of(value, member) for member in wanted.args)
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if name in ("array", "stream"):
        return isinstance(value, (list, tuple)) and all(is_value_of(v, a) for a in wanted.args for v in value)
    if name == "map" and isinstance(value, Mapping):
        return all(is_value_of(v, a) for a in wanted.args for v in value.values())
    if name in _STRUCTURE:
        return is_value_of(value, _STRUCTURE[name])
    return isinstance(value, _VALUE_KINDS.get(name, (Mapping,)))


class _Reader:
    """A recursive descent over the few tokens a type has."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        if len(text) > MAX_LENGTH:
            raise self._error("it is too long", "过长")
        self._word = ""
        self._next()

    def whole(self) -> PortType:
        result = self._union()
        if self._word:
            raise self._error(f"“{self._word}” is out of place", f"“{self._word}” 位置不正确")
        return result

    def _union(self) -> PortType:
        members = self._member()
        while self._word == "|":
            self._next()
            members += self._member()
        unique = tuple(dict.fromkeys(members))
        return unique[0] if len(unique) == 1 else PortType("|", unique)

    def _member(self) -> list[PortType]:
        single = self._single()
        members = list(single.args) if single.name == "|" else [single]
        if self._word == "?":
            self._next()
            members.append(NULL)
        return members

    def _single(self) -> PortType:
        word = self._word
        if not word or not (word[0].isalpha() or word[0] == "_"):
            raise self._error("a name is missing", "缺少类型名称")
        self._next()
        name = _ALIASES.get(word, word)
        args = self._arguments()
        if name in CONTAINERS:
            return PortType(name, self._container_args(name, args))
        if args:
            raise self._error(f"“{word}” takes no type inside", f"“{word}” 不能包含内部类型")
        if name not in BASIC and not name[0].isupper():
            raise self._error(f"“{word}” is unknown", f"未知的类型 “{word}”")
        return PortType(name)

    def _container_args(self, name: str, args: tuple[PortType, ...]) -> tuple[PortType, ...]:
        if name != "map":
            if len(args) > 1:
                raise self._error(f"“{name}” holds one type", f"“{name}” 只能包含一种类型")
            return args or (ANY,)
        if len(args) == 2 and args[0] != PortType("string"):
            raise self._error("a map has string keys", "map 的键必须是 string")
        return args[-1:] or (ANY,)

    def _arguments(self) -> tuple[PortType, ...]:
        if self._word not in ("<", "["):
            return ()
        closing = ">" if self._word == "<" else "]"
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("it nests too deep", "嵌套过深")
        self._next()
        args = [self._union()]
        while self._word == ",":
            self._next()
            args.append(self._union())
        if self._word != closing:
            raise self._error(f"“{closing}” is missing", f"缺少 “{closing}”")
        self._depth -= 1
        self._next()
        return tuple(args)

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise self._error(f"“{self._text[self._at :].strip()[:1]}” is not allowed", "包含不允许的字符")
        self._word = match.group(1)
        self._at = match.end()

    def _error(self, reason: str, reason_zh: str) -> SageError:
        shown = self._text if len(self._text) <= 60 else f"{self._text[:60]}…"
        return SageError(BAD_TYPE, {"type": shown, "reason": reason, "reason_zh": reason_zh})
