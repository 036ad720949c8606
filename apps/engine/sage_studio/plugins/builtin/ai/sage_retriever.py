"""Looks passages up with SAGE's retriever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.builtin.ai.vector_writer import COLLECTION_FIELD
from sage_studio.plugins.support.retrieval import (
    MODE_FIELD,
    STORE_FIELDS,
    WHERE_FIELD,
    retrieve,
    top_k_field,
)
from sage_studio.plugins.support.sage import (
    Answers,
    Wanted,
    as_document,
    dense_retriever,
    replayed,
    sage_module,
)
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class SAGERetrieverNode(Node):
    """SAGE's ``DenseRetriever`` over a collection of the workspace or of a store elsewhere."""

    spec = NodeSpec(
        id="sage_retriever",
        name=text("SAGE retriever", "SAGE 检索"),
        description=text(
            "Finds the passages that fit a question with SAGE's retriever. Needs the package isage-rag.",
            "使用 SAGE 检索器检索相关文档。需要安装 isage-rag。",
        ),
        category="ai",
        icon="search",
        effect="idempotent",
        gives_all=True,
        outputs=(
            Port(name="documents", type="array<Document>", label=text("Passages", "段落")),
            Port(name="scores", type="array<number>", label=text("Scores", "得分")),
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
            top_k_field(5).model_copy(update={"wireable": True}),
            MODE_FIELD,
            WHERE_FIELD,
            *STORE_FIELDS,
        ),
        summary=text("{collection}", "{collection}"),
        example={"config": {"query": "What is it?", "collection": "example"}, "needs": "isage-rag"},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        await ctx.in_thread(sage_module, "sage_rag")
        query, top_k = settings.text("query"), settings.integer("top_k")

        def work(answers: Answers) -> list[Any]:
            return list(dense_retriever(answers, top_k).retrieve(query))

        async def answer(wanted: Wanted) -> Any:
            return await retrieve(ctx, settings, wanted.what["query"])

        found = await replayed(ctx, work, answer)
        return {
            "documents": [as_document(result.document) for result in found],
            "scores": [round(float(result.score), 4) for result in found],
        }
