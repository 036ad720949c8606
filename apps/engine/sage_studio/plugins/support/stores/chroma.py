"""ChromaDB, by its HTTP interface (v2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.filters import Condition, Filter
from sage_studio.plugins.support.stores.base import (
    BAD_NAME,
    DEPTH,
    WRITE_AT_ONCE,
    Entry,
    Wire,
    flat,
    joined,
    packed,
    refuse_model,
    unpacked,
)
from sage_studio.plugins.support.words import words
from sage_studio.sdk import Context, NodeError, VectorHit

_BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,98}[a-zA-Z0-9]")
_WHOLE = "_metadata"
_MAX_WORDS = 8


class Chroma:
    """One collection; the model stands in its metadata."""

    def __init__(self, ctx: Context, address: str, credential: str, collection: str) -> None:
        if not _NAME.fullmatch(collection):
            raise NodeError(BAD_NAME, {"name": collection})
        self._wire = Wire(ctx, address, credential)
        self._collection = collection

    async def model(self) -> str | None:
        found = await self._wire.ask("GET", f"{_BASE}/{self._collection}", missing=True)
        return None if found is None else str((found.get("metadata") or {}).get("model", ""))

    async def write(self, entries: Sequence[Entry], *, model: str, replace: bool) -> int:
        """Replacing is not one step here: for a moment the collection is empty."""
        stored = await self.model()
        if stored is not None and replace:
            await self._wire.ask("DELETE", f"{_BASE}/{self._collection}")
        elif stored is not None:
            refuse_model(self._collection, stored, model)
        body: JsonObject = {
            "name": self._collection,
            "get_or_create": True,
            "metadata": {"model": model},
            "configuration": {"hnsw": {"space": "cosine"}},
        }
        made = await self._wire.ask("POST", _BASE, body)
        place = f"{_BASE}/{made['id']}"
        for start in range(0, len(entries), WRITE_AT_ONCE):
            part = entries[start : start + WRITE_AT_ONCE]
            rows: JsonObject = {
                "ids": [entry.id for entry in part],
                "embeddings": [[*entry.vector] for entry in part],
                "documents": [entry.text for entry in part],
                "metadatas": [{**flat(entry.metadata), _WHOLE: packed(entry.metadata)} for entry in part],
            }
            await self._wire.ask("POST", f"{place}/upsert", rows)
        return int(await self._wire.ask("GET", f"{place}/count"))

    async def search(
        self, vector: Sequence[float], query: str, *, top_k: int, mode: str, where: Filter
    ) -> list[VectorHit]:
        """Keywords are looked for by what the store can do, ``contains``, and ranked here."""
        found = await self._wire.ask("GET", f"{_BASE}/{self._collection}", missing=True)
        if found is None:
            return []
        place, chosen = f"{_BASE}/{found['id']}", _where(where)
        candidates: list[Entry] = []
        if mode != "keyword":
            body: JsonObject = {
                "query_embeddings": [[*vector]],
                "n_results": max(top_k, DEPTH if mode == "hybrid" else top_k),
                "include": ["documents", "metadatas", "embeddings"],
                **chosen,
            }
            answer = await self._wire.ask("POST", f"{place}/query", body)
            names = ("ids", "embeddings", "documents", "metadatas")
            candidates += _entries(*(answer[name][0] for name in names))
        if mode != "vector" and (asked := _contains(query)) is not None:
            body = {
                "where_document": asked,
                "limit": DEPTH,
                "include": ["documents", "metadatas", "embeddings"],
                **chosen,
            }
            answer = await self._wire.ask("POST", f"{place}/get", body)
            candidates += _entries(
                *(answer[name] for name in ("ids", "embeddings", "documents", "metadatas"))
            )
        return joined(candidates, vector, query, top_k=top_k, mode=mode)


def _entries(ids: Any, vectors: Any, texts: Any, metadatas: Any) -> list[Entry]:
    return [
        Entry(str(entry), vector, str(text or ""), unpacked((metadata or {}).get(_WHOLE)))
        for entry, vector, text, metadata in zip(ids, vectors, texts, metadatas, strict=True)
    ]


def _contains(query: str) -> JsonObject | None:
    """Any of the question's longest words, as it is written and in small letters."""
    asked = sorted(set(words(query)), key=len, reverse=True)[:_MAX_WORDS]
    forms = list(dict.fromkeys(form for word in asked for form in (word, word.capitalize())))
    if not forms:
        return None
    parts: list[Any] = [{"$contains": form} for form in forms]
    return {"$or": parts} if len(parts) > 1 else dict(parts[0])


def _where(where: Filter) -> JsonObject:
    conditions: list[Any] = [_condition(condition) for condition in where.conditions]
    if not conditions:
        return {}
    return {"where": {"$and": conditions} if len(conditions) > 1 else conditions[0]}


def _condition(condition: Condition) -> JsonObject:
    return {condition.field: {f"${condition.operator}": condition.value}}
