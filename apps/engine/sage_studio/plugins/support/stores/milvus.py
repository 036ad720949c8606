"""Milvus, by its HTTP interface (v2)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.filters import Condition, Filter
from sage_studio.plugins.support.stores.base import (
    BAD_NAME,
    DEPTH,
    STORE_REFUSED,
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

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,99}")
_FIELD = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
_OWN = ("id", "vector", "text", "whole")
_MAX_TEXT = 65_535
_MAX_WORDS = 8
_SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Milvus:
    """One collection with an open schema: metadata are dynamic fields, the model is its description."""

    def __init__(self, ctx: Context, address: str, credential: str, collection: str) -> None:
        if not _NAME.fullmatch(collection):
            raise NodeError(BAD_NAME, {"name": collection})
        self._wire = Wire(ctx, address, credential)
        self._collection = collection

    async def _ask(self, path: str, **body: Any) -> Any:
        """Milvus says 200 to everything; whether it worked stands in ``code``."""
        given = {"collectionName": self._collection, **body}
        answer = await self._wire.ask("POST", f"/v2/vectordb/{path}", given)
        if not isinstance(answer, Mapping) or answer.get("code") not in (0, 200):
            said = answer.get("message") if isinstance(answer, Mapping) else "no object"
            raise NodeError(STORE_REFUSED, {"reason": str(said)[:300]})
        return answer.get("data")

    async def model(self) -> str | None:
        has = await self._ask("collections/has")
        if not isinstance(has, Mapping) or not has.get("has"):
            return None
        described = await self._ask("collections/describe")
        return str(described.get("description", ""))

    async def write(self, entries: Sequence[Entry], *, model: str, replace: bool) -> int:
        """Replacing is not one step here: for a moment the collection is empty."""
        stored = await self.model()
        if stored is not None and replace:
            await self._ask("collections/drop")
            stored = None
        if stored is None:
            await self._create(len(entries[0].vector), model)
        else:
            refuse_model(self._collection, stored, model)
        for start in range(0, len(entries), WRITE_AT_ONCE):
            part = entries[start : start + WRITE_AT_ONCE]
            await self._ask("entities/upsert", data=[_row(entry) for entry in part])
        counted = await self._ask(
            "entities/query", filter="", outputFields=["count(*)"], consistencyLevel="Strong"
        )
        return int(counted[0]["count(*)"])

    async def _create(self, dimensions: int, model: str) -> None:
        fields: list[JsonObject] = [
            _field("id", "VarChar", {"max_length": "512"}, is_key=True),
            _field("vector", "FloatVector", {"dim": str(dimensions)}),
            _field("text", "VarChar", {"max_length": str(_MAX_TEXT)}),
            _field("whole", "VarChar", {"max_length": str(_MAX_TEXT)}),
        ]
        schema = {"autoId": False, "enableDynamicField": True, "description": model, "fields": fields}
        index = {
            "fieldName": "vector",
            "indexName": "vector",
            "metricType": "COSINE",
            "indexType": "AUTOINDEX",
        }
        await self._ask("collections/create", schema=schema, indexParams=[index], description=model)

    async def search(
        self, vector: Sequence[float], query: str, *, top_k: int, mode: str, where: Filter
    ) -> list[VectorHit]:
        """Keywords are looked for by what the store can do, ``like``, and ranked here."""
        if await self.model() is None:
            return []
        chosen = " and ".join(_condition(condition) for condition in where.conditions)
        output = ["id", "text", "whole", "vector"]
        common: JsonObject = {"outputFields": [*output], "consistencyLevel": "Strong"}
        candidates: list[Entry] = []
        if mode != "keyword":
            limit = max(top_k, DEPTH if mode == "hybrid" else top_k)
            found = await self._ask(
                "entities/search",
                data=[[*vector]],
                annsField="vector",
                limit=limit,
                filter=chosen,
                **common,
            )
            candidates += map(_entry, found)
        if mode != "vector" and (asked := _like(query)):
            both = f"({asked}) and {chosen}" if chosen else asked
            found = await self._ask("entities/query", filter=both, limit=DEPTH, **common)
            candidates += map(_entry, found)
        return joined(candidates, vector, query, top_k=top_k, mode=mode)


def _field(name: str, kind: str, params: JsonObject, *, is_key: bool = False) -> JsonObject:
    field: JsonObject = {"fieldName": name, "dataType": kind, "elementTypeParams": params}
    return {**field, "isPrimary": True} if is_key else field


def _row(entry: Entry) -> JsonObject:
    own: JsonObject = {
        "id": entry.id,
        "vector": [*entry.vector],
        "text": entry.text[: _MAX_TEXT // 4],
        "whole": packed(entry.metadata)[:_MAX_TEXT],
    }
    more = {name: value for name, value in flat(entry.metadata).items() if _FIELD.fullmatch(name)}
    return {**{name: value for name, value in more.items() if name not in _OWN}, **own}


def _entry(row: Any) -> Entry:
    return Entry(str(row["id"]), row["vector"], str(row["text"]), unpacked(row.get("whole")))


def _text(value: Any) -> str:
    """A literal of Milvus's expressions: JSON's, which it reads alike."""
    return json.dumps(value, ensure_ascii=False)


def _like(query: str) -> str:
    asked = sorted(set(words(query)), key=len, reverse=True)[:_MAX_WORDS]
    forms = dict.fromkeys(form for word in asked for form in (word, word.capitalize()))
    return " or ".join(f"text like {_text(f'%{_plain(form)}%')}" for form in forms)


def _plain(word: str) -> str:
    """Words hold letters and digits only; signs that mean something to ``like`` are left out all the same."""
    return re.sub(r"[%_\\\"]", "", word)


def _condition(condition: Condition) -> str:
    if not _FIELD.fullmatch(condition.field) or condition.field in _OWN:
        raise NodeError(STORE_REFUSED, {"reason": f"Milvus cannot filter by “{condition.field}”"})
    if condition.operator in {"in", "nin"}:
        word = "in" if condition.operator == "in" else "not in"
        return f"{condition.field} {word} {_text(condition.value)}"
    value = condition.value
    literal = str(value).lower() if isinstance(value, bool) else _text(value)
    return f"{condition.field} {_SIGNS[condition.operator]} {literal}"
