"""Values of runs as JSON text for rows, and back.

A value over 64 KB, or one made of bytes, goes to a blob of the workspace and leaves a reference
(CONTRACTS, "Reference to a big value"). A person's own keys that begin with ``$`` get one more,
so that data can never pass for a reference. What JSON cannot hold (NaN, lone surrogates, NUL) is
replaced, because one odd value must not lose a run.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import orjson

from apps.executions.types import MAX_INLINE_BYTES
from sage_studio.engine.records import StreamReference
from sage_studio.flow.values import plain

PutBlob = Callable[[bytes, str], str]
GetBlob = Callable[[str], bytes]
JSON_MIME = "application/json"
BYTES_MIME = "application/octet-stream"
_REFERENCE = "$blob"
_STREAM = "$stream"
_MARKED_KEY = re.compile(rb'[{,]"\$(?:[^"\\]|\\.)*":')
# A long list is written in slices of this many items: one call of the encoder holds the interpreter
# from its beginning to its end, and the event loop and the heartbeat want a turn.
_SLICE = 2_000


def encode_outputs(outputs: Mapping[str, Any], put_blob: PutBlob) -> str:
    """Port → value as JSON text, big values as references."""
    parts = []
    for port, value in outputs.items():
        text = encode_value(value, put_blob)
        parts.append(f"{json.dumps(port)}:{text}")
    return "{" + ",".join(parts) + "}"


def encode_value(value: Any, put_blob: PutBlob) -> str:
    """One value as JSON text; the whole of it becomes a reference when it is big."""
    if isinstance(value, (bytes, bytearray)):
        return _refer(bytes(value), BYTES_MIME, put_blob)
    if isinstance(value, StreamReference):
        name, items = dump(value[_STREAM]), dump(value["items"])
        samples = encode_value(value["samples"], put_blob)
        return f'{{"{_STREAM}":{name},"items":{items},"samples":{samples}}}'
    raw = _encode(value)
    return _refer(raw, JSON_MIME, put_blob) if len(raw) > MAX_INLINE_BYTES else raw.decode()


def dump(value: Any) -> str:
    """Any value as JSON text PostgreSQL and SQLite both take."""
    return _encode(value).decode()


def plain_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON holds them, keys as they are: what one flow hands to another."""
    try:
        raw: bytes = orjson.dumps(dict(values), default=_plain)
        return dict(orjson.loads(raw))
    except orjson.JSONEncodeError:
        return {str(name): plain(value) for name, value in values.items()}


def _encode(value: Any) -> bytes:
    try:
        raw = _encode_list(value) if type(value) is list else orjson.dumps(value, default=_plain)
    except orjson.JSONEncodeError:
        # A circular or very deep value, a lone surrogate, a huge number, a key that is no text: the
        # careful walk below deals with each.
        return _encode_carefully(value)
    return _encode_carefully(value) if _has_marks(raw) or b"\\u0000" in raw else raw


def _has_marks(raw: bytes) -> bool:
    """Whether a key begins with ``$``. Few values have one, and walking a big one takes far longer."""
    return b'"$' in raw and _MARKED_KEY.search(raw) is not None


def _encode_list(items: list[Any]) -> bytes:
    if len(items) <= _SLICE:
        return orjson.dumps(items, default=_plain)
    slices = (items[at : at + _SLICE] for at in range(0, len(items), _SLICE))
    return b"[" + b",".join(orjson.dumps(part, default=_plain)[1:-1] for part in slices) + b"]"


def _encode_carefully(value: Any) -> bytes:
    return json.dumps(_clean(value, 0), ensure_ascii=False, separators=(",", ":")).encode()


def decode(value: Any, get_blob: GetBlob) -> Any:
    """What ``encode_value`` was given, from parsed JSON."""
    if isinstance(value, dict):
        if _REFERENCE in value:
            raw = get_blob(value[_REFERENCE])
            if value.get("mime") == BYTES_MIME:
                return raw
            found = json.loads(raw)
            return decode(found, get_blob) if _has_marks(raw) else found
        if _STREAM in value:
            samples = decode(value.get("samples"), get_blob)
            return StreamReference({**value, "samples": samples})
        return {key.removeprefix("$"): decode(item, get_blob) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item, get_blob) for item in value]
    return value


def _refer(raw: bytes, mime: str, put_blob: PutBlob) -> str:
    return json.dumps({_REFERENCE: put_blob(raw, mime), "size_bytes": len(raw), "mime": mime})


def _plain(value: Any) -> Any:
    """JSON for what ``json`` does not know: arrays and numbers of numpy, times, sets, the rest as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return str(value)


def _clean(value: Any, depth: int) -> Any:
    if depth > 200:
        return None
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_clean_key(key): _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item, depth + 1) for item in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    return _clean(_plain(value), depth + 1)


def _clean_key(key: object) -> str:
    text = str(_clean(str(key), 0))
    return f"${text}" if text.startswith("$") else text
