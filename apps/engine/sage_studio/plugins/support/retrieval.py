"""Looking passages up: the workspace's own collections or a store elsewhere, by the same fields."""

from __future__ import annotations

from typing import Any, cast

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.documents import Document
from sage_studio.plugins.support.embedding import embed_query
from sage_studio.plugins.support.filters import Filter
from sage_studio.plugins.support.stores.base import Entry, OutsideStore
from sage_studio.plugins.support.stores.chroma import Chroma
from sage_studio.plugins.support.stores.elasticsearch import Elasticsearch
from sage_studio.plugins.support.stores.milvus import Milvus
from sage_studio.sdk import Choice, Context, Field, Settings, VectorHit, text

EMBEDDED = "embedded"
_STORES: dict[str, type[Chroma | Elasticsearch | Milvus]] = {
    "chroma": Chroma,
    "elasticsearch": Elasticsearch,
    "milvus": Milvus,
}
_OUTSIDE: dict[str, tuple[Any, ...]] = {"store": tuple(_STORES)}

STORE_FIELD = Field(
    name="store",
    label=text("Kept in", "存储位置"),
    default=EMBEDDED,
    control="select",
    expression="never",
    expert=True,
    options=(
        Choice(value=EMBEDDED, label=text("This workspace", "本工作区")),
        Choice(value="milvus", label=text("Milvus", "Milvus")),
        Choice(value="chroma", label=text("ChromaDB", "ChromaDB")),
        Choice(value="elasticsearch", label=text("Elasticsearch", "Elasticsearch")),
    ),
)
STORE_ADDRESS_FIELD = Field(
    name="store_address",
    label=text("Address of the store", "向量库地址"),
    help=text("For example https://milvus.example.org:19530.", "例如 https://milvus.example.org:19530。"),
    default="",
    max_length=500,
    show_when=_OUTSIDE,
    expert=True,
)
STORE_CREDENTIAL_FIELD = Field(
    name="store_credential",
    label=text("Credential of the store", "向量库凭据"),
    default="",
    control="credential",
    credential_kinds=("bearer", "basic", "api_key"),
    expression="never",
    show_when=_OUTSIDE,
    expert=True,
)
EMBEDDING_CREDENTIAL_FIELD = Field(
    name="embedding_credential",
    label=text("Credential of the embedding service", "嵌入服务凭据"),
    help=text("Only for collections embedded by a service.", "仅用于由嵌入服务生成的集合。"),
    default="",
    control="credential",
    credential_kinds=("openai", "api_key", "bearer"),
    expression="never",
    expert=True,
)
STORE_FIELDS = (STORE_FIELD, STORE_ADDRESS_FIELD, STORE_CREDENTIAL_FIELD, EMBEDDING_CREDENTIAL_FIELD)
MODE_FIELD = Field(
    name="mode",
    label=text("Search by", "检索方式"),
    default="hybrid",
    control="select",
    expression="never",
    options=(
        Choice(value="hybrid", label=text("Keywords and vectors", "关键词与向量")),
        Choice(value="keyword", label=text("Keywords", "关键词")),
        Choice(value="vector", label=text("Vectors", "向量")),
    ),
)
WHERE_FIELD = Field(
    name="where",
    type="object",
    label=text("Only passages with", "仅限段落"),
    help=text(
        'Fields of their metadata, for example {"lang": "en", "year": {"gte": 2020}}.',
        '按元数据字段过滤，例如 {"lang": "en", "year": {"gte": 2020}}。',
    ),
    default={},
    control="json",
    expert=True,
)


def top_k_field(default: int) -> Field:
    return Field(
        name="top_k",
        type="integer",
        label=text("How many", "数量"),
        default=default,
        minimum=1,
        maximum=100,
        unit=text("passages", "段"),
        control="slider",
    )


def outside_store(ctx: Context, settings: Settings) -> OutsideStore | None:
    """The store the fields name; None for the workspace's own."""
    name = settings.text("store")
    if name == EMBEDDED:
        return None
    address, credential = settings.text("store_address"), settings.text("store_credential")
    return _STORES[name](ctx, address, credential, settings.text("collection"))


async def retrieve(
    ctx: Context, settings: Settings, query: str, *, credential: str | None = None
) -> list[Document]:
    """The passages that fit, best first, with their scores among their metadata; none from a collection that
    is empty. The question is embedded as the collection was."""
    collection = settings.text("collection")
    key = settings.text("embedding_credential") if credential is None else credential
    where, top_k, mode = settings.mapping("where"), settings.integer("top_k"), settings.text("mode")
    chosen = Filter(where)
    store = outside_store(ctx, settings)
    model = await (ctx.vectors.model(collection) if store is None else store.model())
    if model is None:
        ctx.log("collection_empty", level="warning", collection=collection)
        return []
    vector = await embed_query(ctx, query, model, key)
    if store is not None:
        hits = await store.search(vector, query, top_k=top_k, mode=mode, where=chosen)
    else:
        given = cast(JsonObject, where) or None
        hits = await ctx.vectors.search(collection, vector, query, top_k=top_k, mode=mode, where=given)
    return [_document(hit) for hit in hits]


def _document(hit: VectorHit) -> Document:
    return Document(id=hit.id, text=hit.text, metadata={**hit.metadata, "score": round(hit.score, 4)})


def entries_of(documents: list[Document]) -> list[Entry]:
    """Pieces as an outside store takes them."""
    return [Entry(entry["id"], entry["embedding"], entry["text"], entry["metadata"]) for entry in documents]
