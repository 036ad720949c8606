"""What every outside store does, and how it is spoken to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.kernel import Json, JsonObject, define_error
from sage_studio.plugins.support.filters import Filter
from sage_studio.plugins.support.search import VectorIndex
from sage_studio.sdk import Context, HttpResponse, NodeError, VectorHit

STORE_REFUSED = define_error(
    "vector_store.refused",
    3707,
    en="The vector store refused: {reason}",
    zh="向量库拒绝了请求：{reason}",
    hint_en="Check the address, the credential and the collection's name.",
    hint_zh="请检查地址、凭据和集合名称。",
    status=502,
)
MODEL_DIFFERS = define_error(
    "vector_store.model_differs",
    3708,
    en="The collection “{collection}” was written with {stored}, not with {given}.",
    zh="集合“{collection}”使用 {stored} 写入，而不是 {given}。",
    hint_en="Use the same embedding model, replace the collection, or choose another name.",
    hint_zh="请使用相同的嵌入模型、替换该集合，或另选名称。",
    status=409,
)
BAD_NAME = define_error(
    "vector_store.bad_name",
    3709,
    en="“{name}” cannot be the name of a collection in this store.",
    zh="“{name}”不能用作此向量库的集合名称。",
    hint_en="Use 3 to 100 small letters, digits and underscores, beginning with a letter.",
    hint_zh="请使用 3 到 100 个小写字母、数字或下划线，并以字母开头。",
    status=422,
)
# How many entries are looked at before keywords and vectors are joined.
DEPTH = 200
WRITE_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece to be written."""

    id: str
    vector: Sequence[float]
    text: str
    metadata: JsonObject


class OutsideStore(Protocol):
    """A collection in a store elsewhere."""

    async def model(self) -> str | None:
        """The embedding model it was written with; None when there is no such collection."""
        ...

    async def write(self, entries: Sequence[Entry], *, model: str, replace: bool) -> int:
        """Entries of equal id replace each other. Returns how many there are now."""
        ...

    async def search(
        self, vector: Sequence[float], query: str, *, top_k: int, mode: str, where: Filter
    ) -> list[VectorHit]: ...


class Wire:
    """JSON over the guarded client, for one store at one address."""

    def __init__(self, ctx: Context, address: str, credential: str) -> None:
        self._ctx = ctx
        self._address = address.rstrip("/")
        self._credential = credential or None

    async def ask(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        content: bytes | None = None,
        missing: bool = False,
    ) -> Any:
        """The answer; None for 404 where that is no failure (``missing``). Raises NodeError
        ``vector_store.refused``."""
        response = await self._ctx.http.request(
            method,
            f"{self._address}{path}",
            json=body,
            content=content,
            headers={"Content-Type": "application/x-ndjson"} if content is not None else None,
            timeout_s=60,
            max_bytes=64 << 20,
            credential=self._credential,
        )
        if missing and response.status == 404:
            return None
        if response.status >= 400:
            raise refusal(response)
        return response.json() if response.content else None


def refusal(response: HttpResponse) -> NodeError:
    said = " ".join(response.text()[:300].split())
    facts: dict[str, Json] = {"reason": f"{response.status} {said}"}
    is_busy = response.status == 429 or response.status >= 500
    if is_busy and (wait_s := retry_after_s(response.headers)):
        facts["retry_after_s"] = wait_s
    return NodeError(STORE_REFUSED, facts, retryable=is_busy)


def refuse_model(collection: str, stored: str, given: str) -> None:
    """Raises NodeError ``vector_store.model_differs``."""
    if stored != given:
        raise NodeError(MODEL_DIFFERS, {"collection": collection, "stored": stored, "given": given})


def flat(metadata: Mapping[str, Json]) -> dict[str, str | int | float | bool]:
    """The metadata stores can filter by: plain values; the whole is kept beside them as JSON."""
    return {
        name: value
        for name, value in metadata.items()
        if isinstance(value, (str, int, float, bool)) and not (isinstance(value, float) and math.isnan(value))
    }


def packed(metadata: JsonObject) -> str:
    return json.dumps(metadata, ensure_ascii=False)


def unpacked(text: Any) -> JsonObject:
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def joined(
    candidates: Sequence[Entry], vector: Sequence[float], query: str, *, top_k: int, mode: str
) -> list[VectorHit]:
    """The best of what a store found, by the same fusion as in the workspace's own. CPU-bound, small."""
    unique = list({entry.id: entry for entry in candidates}.values())
    if not unique:
        return []
    index = VectorIndex(
        [entry.id for entry in unique],
        [entry.text for entry in unique],
        [entry.metadata for entry in unique],
        np.array([entry.vector for entry in unique], dtype=np.float32),
    )
    return index.search(vector, query, top_k=top_k, mode=mode)
