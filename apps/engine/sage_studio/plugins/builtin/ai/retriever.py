"""Finds the pieces of a collection that fit a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.builtin.ai.vector_writer import COLLECTION_FIELD
from sage_studio.plugins.support.documents import source_label
from sage_studio.plugins.support.embedding import embed_query
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class Retriever(Node):
    """Hybrid joins keyword (BM25) and vector ranks; the question is embedded as the entries were."""

    spec = NodeSpec(
        id="retriever",
        name=text("Retrieve", "检索"),
        description=text(
            "Finds the passages of a collection that fit a question, by keywords and by vectors.",
            "通过关键词和向量，在集合中查找与问题相关的段落。",
        ),
        category="ai",
        icon="search",
        gives_all=True,
        # Reads what other nodes write: it must not run ahead or be cached as pure work may.
        effect="idempotent",
        outputs=(
            Port(name="documents", type="array<Document>", label=text("Passages", "段落")),
            Port(name="text", type="string", label=text("Passages as text", "段落文本")),
        ),
        config=(
            Field(
                name="query",
                label=text("Question", "问题"),
                default="",
                required=True,
                control="textarea",
                max_length=20_000,
                wireable=True,
            ),
            COLLECTION_FIELD,
            Field(
                name="top_k",
                type="integer",
                label=text("How many", "数量"),
                default=5,
                minimum=1,
                maximum=100,
                unit=text("passages", "段"),
                control="slider",
            ),
            Field(
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
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                help=text("Only for collections embedded by a service.", "仅用于由嵌入服务生成的集合。"),
                default="",
                control="credential",
                credential_kinds=("api_key",),
                expression="never",
                expert=True,
            ),
        ),
        summary=text("{top_k} passages", "{top_k} 段"),
        example={"config": {"query": "What is it?", "collection": "example"}, "inputs": {}},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        query, collection = settings.text("query"), settings.text("collection")
        model = await ctx.vectors.model(collection)
        if model is None:
            ctx.log("collection_empty", level="warning", collection=collection)
            return {"documents": [], "text": ""}
        vector = await embed_query(ctx, query, model, settings.text("credential"))
        hits = await ctx.vectors.search(
            collection, vector, query, top_k=settings.integer("top_k"), mode=settings.text("mode")
        )
        documents = [
            {"id": hit.id, "text": hit.text, "metadata": {**hit.metadata, "score": round(hit.score, 4)}}
            for hit in hits
        ]
        passages = (f"[{source_label(hit.metadata)}]\n{hit.text}" for hit in hits)
        return {"documents": documents, "text": "\n\n".join(passages)}
