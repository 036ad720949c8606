"""One byte form per flow and the hashes over it.

RFC 8785 over the flow's plain JSON with defaults left out, nodes and edges sorted by id, integral
floats as integers. Two documents that mean the same flow have the same bytes whoever wrote them.
``semantic_hash`` covers what a run can notice and everything people name; ``layout_hash`` covers
where things stand on the canvas.
"""

from __future__ import annotations

import hashlib
import json
import re

import rfc8785

from sage_studio.flow.document import FlowDocument
from sage_studio.flow.values import code_units, plain
from sage_studio.kernel import Json, JsonObject

_NODE_LAYOUT = ("pos", "size")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
_ODD_NUMBER = re.compile(r"\d[eE][+-]?\d|\d\.0[,\]}]")


def canonical(document: FlowDocument) -> JsonObject:
    """The flow as plain JSON: defaults left out, nodes and edges sorted by id."""
    # pydantic keeps the caller's numbers; a float that is whole becomes an integer here.
    body = plain(document.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    assert isinstance(body, dict)
    body["schema"] = document.schema_
    for name in ("nodes", "edges", "notes"):
        items = body.get(name)
        if isinstance(items, list):
            body[name] = sorted(items, key=_id)
    return body


def canonical_bytes(document: FlowDocument) -> bytes:
    """The whole flow, layout included, as RFC 8785 bytes."""
    return _bytes(canonical(document))


def semantic_hash(document: FlowDocument) -> str:
    """SHA-256 (hex) of the flow without its layout: positions, sizes and sticky notes."""
    return hashes(document)[0]


def layout_hash(document: FlowDocument) -> str:
    """SHA-256 (hex) of positions, sizes and sticky notes."""
    return hashes(document)[1]


def hashes(document: FlowDocument) -> tuple[str, str]:
    """(``semantic_hash``, ``layout_hash``) in one pass."""
    body = canonical(document)
    layout: JsonObject = {"notes": body.pop("notes", [])}
    nodes = body.get("nodes")
    for node in nodes if isinstance(nodes, list) else []:
        assert isinstance(node, dict)
        placed: JsonObject = {key: node.pop(key) for key in _NODE_LAYOUT if key in node}
        if placed:
            layout[str(node["id"])] = placed
    return _sha256(body), _sha256(layout)


def _id(item: Json) -> bytes:
    return code_units(str(item["id"])) if isinstance(item, dict) else b""


def _sha256(value: JsonObject) -> str:
    return hashlib.sha256(_bytes(value)).hexdigest()


def _bytes(value: JsonObject) -> bytes:
    """RFC 8785. Python's C encoder writes the same bytes ten times faster, except for numbers with an
    exponent or a whole float past 2⁵³ and for keys beyond the basic plane; texts that might hold
    those take the slow way."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if _ODD_NUMBER.search(text) or _BEYOND_BMP.search(text):
        return rfc8785.dumps(value)
    return text.encode()
