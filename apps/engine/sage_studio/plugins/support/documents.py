"""The records that travel between document nodes, made and read in one place.

``Document`` is ``{id, text, metadata}``; ``Chunk`` is the same with the place it was cut from,
and an ``embedding`` once it has one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NotRequired

from typing_extensions import TypedDict

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.items import as_items


class Document(TypedDict):
    """A text with where it came from; ``metadata.source`` names the file or address."""

    id: str
    text: str
    metadata: JsonObject
    embedding: NotRequired[list[float]]


def document(text: str, metadata: JsonObject) -> Document:
    """A document whose id follows from its place and content, so that a second run meets it again."""
    place = "\x00".join(f"{key}={metadata[key]}" for key in ("source", "page", "start") if key in metadata)
    digest = hashlib.sha256(f"{place}\x00{text}".encode("utf-8", "surrogatepass")).hexdigest()
    return Document(id=digest[:24], text=text, metadata=metadata)


def as_documents(value: Any, port: str) -> list[Document]:
    """Read documents, chunks or plain texts. Raises NodeError ``node.not_a_list``."""
    if isinstance(value, str):
        value = [value]
    return [_as_document(entry) for entry in as_items(value, port)]


def _as_document(entry: Any) -> Document:
    if isinstance(entry, Mapping) and isinstance(entry.get("text"), str):
        metadata = entry.get("metadata")
        made = document(entry["text"], dict(metadata) if isinstance(metadata, Mapping) else {})
        if isinstance(entry.get("id"), str) and entry["id"]:
            made["id"] = entry["id"]
        if isinstance(entry.get("embedding"), list):
            made["embedding"] = entry["embedding"]
        return made
    return document(entry if isinstance(entry, str) else str(entry), {})


def source_label(metadata: Mapping[str, Any]) -> str:
    """``handbook.pdf, p. 3``: how a passage's place is shown to a person."""
    source = str(metadata.get("source") or "?")
    page = metadata.get("page")
    return f"{source}, p. {page}" if page else source
