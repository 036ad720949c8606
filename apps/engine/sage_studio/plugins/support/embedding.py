"""Embeddings: feature hashing that needs nothing, and an OpenAI-compatible service.

Hashing (Weinberger et al., 2009) maps words, word pairs and letter triples to signed places of
a fixed vector. It knows no meaning beyond shared wording, works for every language, and gives the
same vector on every machine. A model's name says all that is needed to embed a question later:
``hashing/384`` or ``api:<model>@<address>``.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.engine.adaptive_batching import BatchController
from sage_studio.engine.batch_driver import THIS_MACHINE, Machine, TooMuch, in_batches
from sage_studio.kernel import Json, SageError, define_error
from sage_studio.plugins.support.minilm import local_model
from sage_studio.plugins.support.words import words
from sage_studio.sdk import Context, HttpResponse, NodeError, Price, tokens_in, usage_micros

BAD_ANSWER = define_error(
    "embedder.bad_answer",
    3191,
    en="The embedding service answered with {reason}.",
    zh="嵌入服务返回了异常结果：{reason}。",
    hint_en="Check the address, the model name and the credential in the embedder.",
    hint_zh="请检查嵌入节点中的地址、模型名称和凭据。",
    status=502,
)
UNKNOWN_MODEL = define_error(
    "embedder.unknown_model",
    3705,
    en="Nobody here knows the embedding model “{model}”.",
    zh="未知的嵌入模型“{model}”。",
    hint_en="Connect the port “Model” of an “Embed” node, and look a collection up as it was written.",
    hint_zh="请连接“向量化”节点的“模型”端口，并以写入时的模型检索集合。",
    status=422,
)
# What the services of this kind take at most.
MOST_AT_ONCE = 2_048
_TOO_MANY, _TOO_LARGE, _UNFIT = 429, 413, 422
_UNSAID_WAIT_S = 2.0
DEFAULT_DIMENSIONS = 384
_DECIMALS = 5


def hashing_model(dimensions: int) -> str:
    return f"hashing/{dimensions}"


def hash_embed(texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """Unit vectors; a text without words gives the zero vector. Blocking and CPU-bound."""
    return [_hash_one(text, dimensions) for text in texts]


def _hash_one(text: str, dimensions: int) -> list[float]:
    counts: dict[str, int] = {}
    tokens = words(text)
    for token in tokens:
        counts[token] = counts.get(token, 0) + 1
    weights: dict[str, float] = {f"w {token}": 1 + math.log(count) for token, count in counts.items()}
    for left, right in pairwise(tokens):
        weights[f"p {left} {right}"] = 0.5
    for token in counts:
        if len(token) > 4:
            for at in range(len(token) - 2):
                key = f"t {token[at : at + 3]}"
                weights[key] = weights.get(key, 0.0) + 0.2
    vector = np.zeros(dimensions, dtype=np.float64)
    for feature, weight in weights.items():
        code = zlib.crc32(feature.encode())
        vector[(code >> 1) % dimensions] += weight if code & 1 else -weight
    length = float(np.linalg.norm(vector))
    if length:
        vector /= length
    result: list[float] = np.round(vector, _DECIMALS).tolist()
    return result


@dataclass(frozen=True, slots=True)
class Wire:
    """How an embedding service is asked: below its address, with which body, and where its vectors are."""

    path: str
    body: Callable[[str, Sequence[str]], Json]
    vectors: Callable[[Any, int], list[list[float]]]


def _openai_body(model: str, texts: Sequence[str]) -> Json:
    return {"model": model, "input": [*texts], "encoding_format": "float"}


def _tei_body(model: str, texts: Sequence[str]) -> Json:
    return {"inputs": [*texts], "normalize": True, "truncate": True}


async def api_embed(
    ctx: Context,
    texts: Sequence[str],
    *,
    model: str,
    address: str,
    credential: str,
    machine: Machine = THIS_MACHINE,
    wire: Wire | None = None,
) -> list[list[float]]:
    """Embed by ``POST {address}/embeddings``, in batches as large as does the service good: smaller when
    it refuses (429, 413), larger while it gets faster. What an attempt that failed half way was paid for, the
    next one begins with. Raises NodeError ``embedder.bad_answer``."""
    kept = PaidFor(ctx, f"{model}@{address}", texts)
    paid = await kept.recall()
    is_first = not paid
    asked = _Service(ctx, model, address, credential, wire or OPENAI_WIRE)
    await asked.open()

    async def embed(batch: Sequence[str]) -> list[list[float]]:
        vectors = await asked.embed(batch)
        paid.extend(vectors)
        return vectors

    left = texts[len(paid) :]
    controller = BatchController(len(left), maximum=MOST_AT_ONCE)
    try:
        await in_batches(left, embed, controller=controller, on_progress=ctx.progress, machine=machine)
    except SageError:
        await kept.keep(paid)
        raise
    if not is_first:
        await kept.forget()
    return paid


class _Service:
    """One embedding service and what it costs."""

    def __init__(self, ctx: Context, model: str, address: str, credential: str, wire: Wire) -> None:
        self._ctx = ctx
        self._model = model
        self._url = f"{address.rstrip('/')}{wire.path}"
        self._credential = credential or None
        self._wire = wire
        self._price: Price | None = None

    async def open(self) -> None:
        self._price = await self._ctx.price(self._model)

    async def embed(self, batch: Sequence[str]) -> list[list[float]]:
        """One request. Raises TooMuch and NodeError."""
        price = self._price
        currency = "USD" if price is None else price["currency"]
        most = 0 if price is None else usage_micros(price, tokens_in(*batch))
        await self._ctx.afford(most, currency=currency)
        response = await self._ctx.http.request(
            "POST",
            self._url,
            json=self._wire.body(self._model, batch),
            timeout_s=60,
            max_bytes=64 << 20,
            credential=self._credential,
        )
        if response.status >= 400:
            raise _refusal(response, self._wire)
        answer = response.json()
        if price is not None:
            used = usage_micros(price, _tokens_used(answer, batch))
            self._ctx.cost(used, currency=currency, what=self._model)
        return self._wire.vectors(answer, len(batch))


def _refusal(response: HttpResponse, wire: Wire) -> Exception:
    wait_s = retry_after_s(response.headers)
    retryable = response.status == _TOO_MANY or response.status >= 500
    facts: dict[str, Json] = {"reason": f"status {response.status}", "retry_after_s": wait_s}
    error = NodeError(BAD_ANSWER, facts, retryable=retryable)
    if response.status == _TOO_MANY:
        return TooMuch(error, wait_s or _UNSAID_WAIT_S)
    # TEI says 422 where others say 413: its batch is too large.
    if response.status == _TOO_LARGE or (wire is TEI_WIRE and response.status == _UNFIT):
        return TooMuch(error, None)
    return error


async def hash_embed_all(ctx: Context, texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """``hash_embed`` off the event loop, in batches that leave room for progress and for being stopped."""

    async def embed(batch: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = await ctx.in_thread(hash_embed, batch, dimensions)
        return vectors

    controller = BatchController(len(texts), longest_s=1.0)
    return await in_batches(texts, embed, controller=controller, on_progress=ctx.progress)


class PaidFor:
    """Vectors of the first of these texts, kept for whoever goes on with them: a run that paused for its
    budget, a retry, or a later run with the same texts."""

    def __init__(self, ctx: Context, model: str, texts: Sequence[str]) -> None:
        self._ctx = ctx
        digest = hashlib.sha256(json.dumps([model, *texts]).encode()).hexdigest()
        self._name = f"embedded:{ctx.node_id}:{digest[:32]}"

    async def recall(self) -> list[list[float]]:
        """What was kept; nothing when it is gone meanwhile."""
        key = await self._ctx.state.get(self._name)
        if not isinstance(key, str):
            return []
        try:
            return list(json.loads(await self._ctx.blobs.get(key)))
        except SageError:
            return []

    async def keep(self, vectors: list[list[float]]) -> None:
        if vectors:
            content = json.dumps(vectors).encode()
            await self._ctx.state.set(self._name, await self._ctx.blobs.put(content, mime="application/json"))

    async def forget(self) -> None:
        await self._ctx.state.set(self._name, None)


def _tokens_used(answer: Any, batch: Sequence[str]) -> int:
    """What the service says it counted, else our own guess."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    told = usage.get("total_tokens") if isinstance(usage, dict) else None
    return told if isinstance(told, int) and told >= 0 else tokens_in(*batch)


def _vectors_of(answer: Any, expected: int) -> list[list[float]]:
    try:
        entries = sorted(answer["data"], key=lambda entry: int(entry["index"]))
        vectors = [[float(number) for number in entry["embedding"]] for entry in entries]
    except (TypeError, KeyError, ValueError) as error:
        raise NodeError(BAD_ANSWER, {"reason": "something that is not a list of vectors"}) from error
    if len(vectors) != expected or len({len(vector) for vector in vectors}) != 1:
        raise NodeError(BAD_ANSWER, {"reason": f"{len(vectors)} vectors instead of {expected}"})
    return vectors


def _tei_vectors(answer: Any, expected: int) -> list[list[float]]:
    """TEI answers with the vectors alone, in order."""
    if not isinstance(answer, list):
        raise NodeError(BAD_ANSWER, {"reason": "something that is not a list of vectors"})
    entries = [{"index": at, "embedding": vector} for at, vector in enumerate(answer)]
    return _vectors_of({"data": entries}, expected)


OPENAI_WIRE = Wire("/embeddings", _openai_body, _vectors_of)
# Hugging Face's Text Embeddings Inference, which serves BGE, E5, GTE and their like.
TEI_WIRE = Wire("/embed", _tei_body, _tei_vectors)


async def embed_by(ctx: Context, texts: Sequence[str], model: str, credential: str = "") -> list[list[float]]:
    """Embed with a model by its full name, as it is stored with collections. Raises NodeError
    ``embedder.*``."""
    kind, _, rest = model.partition("/" if model.startswith(("hashing/", "minilm/")) else ":")
    if kind == "hashing":
        return await hash_embed_all(ctx, texts, int(rest))
    if kind == "minilm":
        return await minilm_embed_all(ctx, texts)
    if kind in {"api", "tei", "sage"}:  # SAGE's gateway speaks OpenAI's protocol
        name, _, address = rest.partition("@")
        wire = TEI_WIRE if kind == "tei" else OPENAI_WIRE
        return await api_embed(ctx, texts, model=name, address=address, credential=credential, wire=wire)
    raise NodeError(UNKNOWN_MODEL, {"model": model[:200]})


async def minilm_embed_all(ctx: Context, texts: Sequence[str]) -> list[list[float]]:
    """The local model, off the event loop. Raises NodeError ``embedder.not_installed``."""
    model = await ctx.in_thread(local_model)

    async def embed(batch: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = await ctx.in_thread(model.embed, batch)
        return vectors

    controller = BatchController(len(texts), maximum=64)
    return await in_batches(texts, embed, controller=controller, on_progress=ctx.progress)


async def embed_query(ctx: Context, query: str, model: str, credential: str) -> list[float]:
    """Embed a question the way the collection's entries were (``model`` is what was stored)."""
    if model.startswith("hashing/"):
        return hash_embed([query], int(model.removeprefix("hashing/")))[0]
    return (await embed_by(ctx, [query], model, credential))[0]
