"""Answers from documents with SAGE's pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.builtin.ai.vector_writer import COLLECTION_FIELD
from sage_studio.plugins.models.errors import NO_MODEL
from sage_studio.plugins.support.models import PREPARES_FROM, Asking, model_fields, warm_model
from sage_studio.plugins.support.retrieval import (
    MODE_FIELD,
    STORE_FIELDS,
    WHERE_FIELD,
    retrieve,
    top_k_field,
)
from sage_studio.plugins.support.sage import (
    Answers,
    SageGenerator,
    Wanted,
    as_document,
    dense_retriever,
    replayed,
    sage_module,
)
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Settings, text


class SagePipeline(Node):
    """SAGE's ``SimpleRAGPipeline`` over a collection, with the node's model."""

    prepares_from = PREPARES_FROM
    spec = NodeSpec(
        id="sage_pipeline",
        name=text("SAGE pipeline", "SAGE 流水线"),
        description=text(
            "Retrieves and answers with SAGE's pipeline. Needs the package isage-rag.",
            "使用 SAGE 流水线检索并回答。需要安装 isage-rag。",
        ),
        category="ai",
        icon="flow",
        effect="idempotent",
        gives_all=True,
        outputs=(
            Port(name="answer", type="string", label=text("Answer", "回答")),
            Port(name="documents", type="array<Document>", label=text("Sources", "来源")),
            Port(name="usage", type="object", label=text("Usage", "用量")),
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
            top_k_field(5),
            MODE_FIELD,
            WHERE_FIELD,
            *model_fields(),
            *STORE_FIELDS,
        ),
        summary=text("{collection}", "{collection}"),
        default_timeout_s=600,
        example={"config": {"query": "What is it?", "collection": "example"}, "needs": "isage-rag"},
    )

    async def prepare(self, ctx: Context) -> None:
        await warm_model(ctx)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        rag = await ctx.in_thread(sage_module, "sage_rag")
        asking = Asking.of(ctx, settings)
        if not asking.is_possible:
            raise NodeError(NO_MODEL)
        query, top_k = settings.text("query"), settings.integer("top_k")

        def work(answers: Answers) -> dict[str, Any]:
            pipeline = rag.SimpleRAGPipeline(
                loader=rag.TextLoader(),
                retriever=dense_retriever(answers, top_k),
                generator=SageGenerator(answers),
                top_k=top_k,
            )
            answered: dict[str, Any] = pipeline.query(query, top_k=top_k)
            return answered

        async def answer(wanted: Wanted) -> Any:
            if wanted.kind == "search":
                return await retrieve(ctx, settings, wanted.what["query"])
            return (await asking.chat(wanted.what["prompt"]))["text"]

        made = await replayed(ctx, work, answer)
        sources = [as_document(found) for found in made["sources"]]
        return {"answer": made["answer"], "documents": sources, "usage": asking.usage()}
