"""Elasticsearch (8 and later) and what speaks like it, by its HTTP interface."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.filters import Condition, Filter
from sage_studio.plugins.support.search import fused
from sage_studio.plugins.support.stores.base import (
    BAD_NAME,
    DEPTH,
    STORE_REFUSED,
    WRITE_AT_ONCE,
    Entry,
    Wire,
    flat,
    packed,
    refuse_model,
    unpacked,
)
from sage_studio.sdk import Context, NodeError, VectorHit

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_RANGES = frozenset({"gt", "gte", "lt", "lte"})


class Elasticsearch:
    """One index; keywords are ranked by the server's own BM25, the two rankings joined here, because its
    own way to join them needs a licence."""

    def __init__(self, ctx: Context, address: str, credential: str, collection: str) -> None:
        if not _NAME.fullmatch(collection):
            raise NodeError(BAD_NAME, {"name": collection})
        self._wire = Wire(ctx, address, credential)
        self._index = collection

    async def model(self) -> str | None:
        found = await self._wire.ask("GET", f"/{self._index}/_mapping", missing=True)
        if found is None:
            return None
        mappings = next(iter(found.values()))["mappings"]
        return str(mappings.get("_meta", {}).get("model", ""))

    async def write(self, entries: Sequence[Entry], *, model: str, replace: bool) -> int:
        """Replacing is not one step here: for a moment the index is empty."""
        stored = await self.model()
        if stored is not None and replace:
            await self._wire.ask("DELETE", f"/{self._index}")
            stored = None
        if stored is None:
            await self._wire.ask("PUT", f"/{self._index}", _mappings(len(entries[0].vector), model))
        else:
            refuse_model(self._index, stored, model)
        for start in range(0, len(entries), WRITE_AT_ONCE):
            await self._bulk(entries[start : start + WRITE_AT_ONCE])
        return int((await self._wire.ask("GET", f"/{self._index}/_count"))["count"])

    async def _bulk(self, entries: Sequence[Entry]) -> None:
        lines: list[str] = []
        for entry in entries:
            lines.append(json.dumps({"index": {"_id": entry.id}}))
            row = {"text": entry.text, "vector": [*entry.vector], "whole": packed(entry.metadata)}
            lines.append(json.dumps({**row, "metadata": flat(entry.metadata)}, ensure_ascii=False))
        content = "\n".join([*lines, ""]).encode()
        answer = await self._wire.ask("POST", f"/{self._index}/_bulk?refresh=wait_for", content=content)
        if answer.get("errors"):
            failed = next(item["index"] for item in answer["items"] if "error" in item["index"])
            raise NodeError(STORE_REFUSED, {"reason": str(failed["error"].get("reason"))[:300]})

    async def search(
        self, vector: Sequence[float], query: str, *, top_k: int, mode: str, where: Filter
    ) -> list[VectorHit]:
        chosen = _filter(where)
        depth = max(top_k, DEPTH if mode == "hybrid" else top_k)
        hits: dict[str, VectorHit] = {}
        rankings: list[list[str]] = []
        if mode != "vector":
            asked: JsonObject = {"bool": {"must": [{"match": {"text": query}}], **chosen}}
            rankings.append(self._take(hits, await self._search({"query": asked, "size": depth})))
        if mode != "keyword":
            knn: JsonObject = {
                "field": "vector",
                "query_vector": [*vector],
                "k": depth,
                "num_candidates": min(10_000, max(depth * 2, 100)),
                **chosen,
            }
            rankings.append(self._take(hits, await self._search({"knn": knn, "size": depth})))
        if len(rankings) == 1:
            return [hits[name] for name in rankings[0][:top_k]]
        places = {name: at for at, name in enumerate(hits)}
        names = list(hits)
        ranked = fused(*([(places[name], 0.0) for name in ranking] for ranking in rankings))
        return [_scored(hits[names[at]], score) for at, score in ranked[:top_k]]

    async def _search(self, body: JsonObject) -> Any:
        given: JsonObject = {**body, "_source": ["text", "whole"]}
        answer = await self._wire.ask("POST", f"/{self._index}/_search", given, missing=True)
        return [] if answer is None else answer["hits"]["hits"]

    @staticmethod
    def _take(hits: dict[str, VectorHit], found: Any) -> list[str]:
        for hit in found:
            source = hit["_source"]
            hits.setdefault(
                hit["_id"],
                VectorHit(
                    hit["_id"], source["text"], unpacked(source.get("whole")), float(hit["_score"] or 0)
                ),
            )
        return [hit["_id"] for hit in found]


def _scored(hit: VectorHit, score: float) -> VectorHit:
    return VectorHit(hit.id, hit.text, hit.metadata, score)


def _mappings(dimensions: int, model: str) -> JsonObject:
    vector: JsonObject = {"type": "dense_vector", "dims": dimensions, "index": True, "similarity": "cosine"}
    texts: JsonObject = {"match_mapping_type": "string", "mapping": {"type": "keyword"}}
    return {
        "mappings": {
            "_meta": {"model": model},
            "dynamic_templates": [{"metadata": {"path_match": "metadata.*", **texts}}],
            "properties": {
                "text": {"type": "text"},
                "vector": vector,
                "whole": {"type": "keyword", "index": False, "doc_values": False},
                "metadata": {"type": "object"},
            },
        }
    }


def _filter(where: Filter) -> JsonObject:
    wanted = [_condition(condition) for condition in where.conditions]
    return {"filter": [*wanted]} if wanted else {}


def _condition(condition: Condition) -> JsonObject:
    name = f"metadata.{condition.field}"
    if condition.operator in _RANGES:
        return {"range": {name: {condition.operator: condition.value}}}
    values = condition.value if condition.operator in {"in", "nin"} else [condition.value]
    fits: JsonObject = {"terms": {name: values}}
    return {"bool": {"must_not": [fits]}} if condition.operator in {"ne", "nin"} else fits
