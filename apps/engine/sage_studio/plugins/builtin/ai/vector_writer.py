"""Puts embedded pieces into a collection of the workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.documents import as_documents
from sage_studio.plugins.support.retrieval import (
    EMBEDDED,
    STORE_ADDRESS_FIELD,
    STORE_CREDENTIAL_FIELD,
    STORE_FIELD,
    entries_of,
    outside_store,
)
from sage_studio.plugins.support.search import RUN_PREFIX
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Settings, text

NO_VECTORS = define_error(
    "vector_writer.no_vectors",
    3201,
    en="These pieces have no vectors yet.",
    zh="这些片段还没有向量。",
    hint_en="Put an “Embed” node before this one and connect its “Pieces with vectors”.",
    hint_zh="请在此节点之前加入“向量化”节点，并连接其“带向量的片段”端口。",
    status=422,
)
NAME_LENGTH = 100
COLLECTION_FIELD = Field(
    name="collection",
    label=text("Collection", "集合"),
    help=text("A name; the same name meets the same entries again.", "集合名称；同名即同一份数据。"),
    default="documents",
    required=True,
    max_length=NAME_LENGTH,
    wireable=True,
)


class VectorWriter(Node):
    """Equal pieces replace each other, so that running twice changes nothing."""

    spec = NodeSpec(
        id="vector_writer",
        name=text("Write to index", "写入索引"),
        description=text(
            "Stores pieces with their vectors in a collection that can be searched.",
            "将带向量的片段存入可检索的集合。",
        ),
        category="ai",
        icon="database",
        gives_all=True,
        effect="idempotent",
        inputs=(
            Port(
                name="embedded",
                type="array<Chunk>",
                label=text("Pieces with vectors", "带向量的片段"),
                required=True,
            ),
            Port(name="model", type="string", label=text("Model", "模型"), required=True),
        ),
        outputs=(
            Port(name="collection", type="string", label=text("Collection", "集合")),
            Port(name="count", type="integer", label=text("Entries in all", "条目总数")),
        ),
        config=(
            COLLECTION_FIELD,
            Field(
                name="replace",
                type="boolean",
                label=text("Replace what is there", "替换原有内容"),
                help=text(
                    "On: afterwards the collection holds these pieces and nothing else.",
                    "开启后，集合中只保留本次写入的片段。",
                ),
                default=False,
                control="switch",
                show_when={"only_this_run": (False,)},
            ),
            Field(
                name="only_this_run",
                type="boolean",
                label=text("Only for this run", "仅用于本次运行"),
                help=text(
                    "On: no other run sees these pieces; they are dropped after a day.",
                    "开启后，其他运行看不到这些片段，一天后自动删除。",
                ),
                default=False,
                control="switch",
                show_when={"store": (EMBEDDED,)},
            ),
            STORE_FIELD,
            STORE_ADDRESS_FIELD,
            STORE_CREDENTIAL_FIELD,
        ),
        summary=text("{collection}", "{collection}"),
        example={
            "config": {"collection": "example"},
            "inputs": {
                "model": "hashing/64",
                "embedded": [{"id": "a", "text": "a piece", "embedding": [0.0] * 63 + [1.0]}],
            },
            "outputs": {"collection": "example", "count": 1},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        entries = as_documents(inputs.get("embedded"), "embedded")
        if any("embedding" not in entry for entry in entries):
            raise NodeError(NO_VECTORS, path="inputs.embedded")
        unique = {entry["id"]: entry for entry in entries}
        collection = settings.text("collection")
        if settings.flag("only_this_run") and settings.text("store") == EMBEDDED:
            collection = f"{RUN_PREFIX}{ctx.run_id}:{collection}"[:NAME_LENGTH]
        store = outside_store(ctx, settings)
        if store is not None and unique:
            model = str(inputs.get("model") or "")
            written = entries_of(list(unique.values()))
            count = await store.write(written, model=model, replace=settings.flag("replace"))
            ctx.log("indexed", collection=collection, written=len(unique), count=count)
            return {"collection": collection, "count": count}
        count = await ctx.vectors.upsert(
            collection,
            list(unique),
            [entry["embedding"] for entry in unique.values()],
            [entry["text"] for entry in unique.values()],
            [entry["metadata"] for entry in unique.values()],
            model=str(inputs.get("model") or ""),
            replace=settings.flag("replace"),
        )
        ctx.log("indexed", collection=collection, written=len(unique), count=count)
        return {"collection": collection, "count": count}
