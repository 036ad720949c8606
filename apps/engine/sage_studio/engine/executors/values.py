"""Values on their way to another process: JSON, with bytes beside it.

What nodes hand one another is plain data; what JSON cannot say (bytes, tuples, times, arrays, keys
that are no texts, item expressions) is written as an object with one key that begins with ``$``, and
a person's own keys that begin so get one more. Nothing here runs code of the sender: there is no
pickle, and a received value can only be data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np

from sage_studio.egress import Response
from sage_studio.engine.bindings import CompiledItem, compile_item
from sage_studio.engine.executors.errors import BAD_MESSAGE, NOT_A_VALUE
from sage_studio.kernel import SageError
from sage_studio.sdk import VectorHit

MAX_DEPTH = 200
_PLAIN = frozenset({str, int, float, bool, type(None)})
_NUMERIC = frozenset("biufc?")

# How a live iterator is named on the wire, and how a name becomes one again (see ``conversation``).
Export = Callable[[AsyncIterator[Any]], int]
Import = Callable[[int], AsyncIterator[Any]]


def _no_export(_: AsyncIterator[Any]) -> int:
    raise SageError(NOT_A_VALUE, {"what": "a stream", "place": "a value"})


def _no_import(_: int) -> AsyncIterator[Any]:
    raise SageError(BAD_MESSAGE, {"reason": "a stream where none may be"})


@dataclass(slots=True)
class Packed:
    """A value as plain JSON data and the bytes its ``$bytes`` numbers point to."""

    plain: Any
    parts: list[bytes] = field(default_factory=list)


def pack(value: Any, *, export: Export = _no_export) -> Packed:
    """Raises SageError ``executor.value`` for what cannot travel, with the place it stands at."""
    packer = _Packer(export)
    return Packed(packer.walk(value, "", 0), packer.parts)


def unpack(packed: Packed, *, take: Import = _no_import) -> Any:
    """Raises SageError ``executor.bad_message`` for what ``pack`` could not have written."""
    try:
        return _Unpacker(packed.parts, take).walk(packed.plain, 0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise SageError(BAD_MESSAGE, {"reason": f"{type(error).__name__}: {str(error)[:200]}"}) from error


class _Packer:
    def __init__(self, export: Export) -> None:
        self.parts: list[bytes] = []
        self._export = export

    def walk(self, value: Any, place: str, depth: int) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if depth > MAX_DEPTH:
            raise SageError(NOT_A_VALUE, {"what": "nesting without end", "place": _shown(place)})
        if kind is list:
            return self._list(value, place, depth)
        if kind is dict:
            return self._object(value, place, depth)
        return self._odd(value, place, depth)

    def _list(self, values: Any, place: str, depth: int) -> list[Any]:
        if all(type(value) in _PLAIN for value in values):
            return list(values)
        return [self.walk(value, f"{place}[{i}]", depth + 1) for i, value in enumerate(values)]

    def _object(self, values: Mapping[Any, Any], place: str, depth: int) -> dict[str, Any]:
        if not all(type(key) is str for key in values):
            pairs = [
                [self.walk(k, place, depth + 1), self.walk(v, place, depth + 1)] for k, v in values.items()
            ]
            return {"$map": pairs}
        return {
            (f"${key}" if key.startswith("$") else key): self.walk(value, f"{place}.{key}", depth + 1)
            for key, value in values.items()
        }

    def _odd(self, value: Any, place: str, depth: int) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return {"$bytes": self._part(bytes(value))}
        if isinstance(value, tuple):
            return {"$tuple": self._list(value, place, depth)}
        if isinstance(value, (set, frozenset)):
            return {"$set": self._list(sorted(value, key=repr), place, depth)}
        if isinstance(value, Mapping):
            return self._object(value, place, depth)
        if isinstance(value, np.ndarray) and value.dtype.kind in _NUMERIC:
            return {"$array": [value.dtype.str, list(value.shape), self._part(value.tobytes())]}
        if isinstance(value, np.generic):
            return self.walk(value.item(), place, depth + 1)
        if isinstance(value, (datetime, date)):
            return {"$time" if isinstance(value, datetime) else "$date": value.isoformat()}
        return self._ours(value, place, depth)

    def _ours(self, value: Any, place: str, depth: int) -> Any:
        if isinstance(value, CompiledItem):
            scope = {name: held for name, held in value.scope.items() if name not in ("item", "index")}
            return {"$item": self._list((value.template, scope), place, depth)}
        if isinstance(value, Response):
            return {"$response": [value.status, dict(value.headers), value.url, self._part(value.content)]}
        if isinstance(value, VectorHit):
            return {"$hit": [value.id, value.text, self.walk(value.metadata, place, depth + 1), value.score]}
        if isinstance(value, AsyncIterator):
            return {"$stream": self._export(value)}
        if isinstance(value, (str, int, float, list)):
            # A subclass (an enumeration, a marked text): its plain twin says the same.
            plain: Any = next(base for base in (str, int, float, list) if isinstance(value, base))
            return self.walk(plain(value), place, depth + 1)
        raise SageError(NOT_A_VALUE, {"what": type(value).__name__, "place": _shown(place)})

    def _part(self, content: bytes) -> int:
        self.parts.append(content)
        return len(self.parts) - 1


class _Unpacker:
    def __init__(self, parts: list[bytes], take: Import) -> None:
        self._parts = parts
        self._take = take

    def walk(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if depth > 2 * MAX_DEPTH:
            raise ValueError("too deep")
        if kind is list:
            if all(type(item) in _PLAIN for item in value):
                return value
            return [self.walk(item, depth + 1) for item in value]
        if len(value) == 1:
            (key, held) = next(iter(value.items()))
            if key in _READERS:
                return _READERS[key](self, held, depth + 1)
        return {key.removeprefix("$"): self.walk(item, depth + 1) for key, item in value.items()}

    def part(self, index: Any, _: int = 0) -> bytes:
        if not isinstance(index, int) or index < 0:
            raise ValueError("no such part")
        return self._parts[index]

    def array(self, held: Any, _: int) -> Any:
        dtype, shape, part = held
        kind = np.dtype(str(dtype))
        if kind.kind not in _NUMERIC:
            raise ValueError("an array of objects")
        return np.frombuffer(self.part(part), dtype=kind).reshape([int(n) for n in shape]).copy()

    def item(self, held: Any, depth: int) -> CompiledItem:
        template, scope = (self.walk(part, depth) for part in held)
        return compile_item(template, scope)

    def response(self, held: Any, _: int) -> Response:
        status, headers, url, part = held
        return Response(int(status), {str(k): str(v) for k, v in headers.items()}, str(url), self.part(part))

    def hit(self, held: Any, depth: int) -> VectorHit:
        id_, text, metadata, score = held
        return VectorHit(str(id_), str(text), self.walk(metadata, depth), float(score))

    def stream(self, held: Any, _: int) -> AsyncIterator[Any]:
        return self._take(int(held))


_READERS: dict[str, Callable[[_Unpacker, Any, int], Any]] = {
    "$bytes": _Unpacker.part,
    "$tuple": lambda self, held, depth: tuple(self.walk(list(held), depth)),
    "$set": lambda self, held, depth: set(self.walk(list(held), depth)),
    "$map": lambda self, held, depth: {self.walk(k, depth): self.walk(v, depth) for k, v in held},
    "$time": lambda _self, held, _depth: datetime.fromisoformat(held),
    "$date": lambda _self, held, _depth: date.fromisoformat(held),
    "$array": _Unpacker.array,
    "$item": _Unpacker.item,
    "$response": _Unpacker.response,
    "$hit": _Unpacker.hit,
    "$stream": _Unpacker.stream,
}


def _shown(place: str) -> str:
    return place.lstrip(".")[:120] or "the top"
