"""Finds the pieces of a collection that fit a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.builtin.ai.vector_writer import COLLECTION_FIELD
from sage_studio.plugins.support.documents import source_label
from sage_studio.plugins.support.retrieval import (
    MODE_FIELD,
    STORE_ADDRESS_FIELD,
    STORE_CREDENTIAL_FIELD,
    STORE_FIELD,
    WHERE_FIELD,
    retrieve,
    top_k_field,
)
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


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
            top_k_field(5),
            MODE_FIELD,
            WHERE_FIELD,
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                help=text("Only for collections embedded by a service.", "仅用于由嵌入服务生成的集合。"),
                default="",
                control="credential",
                credential_kinds=("openai", "api_key", "bearer"),
                expression="never",
                expert=True,
            ),
            STORE_FIELD,
            STORE_ADDRESS_FIELD,
            STORE_CREDENTIAL_FIELD,
        ),
        summary=text("{top_k} passages", "{top_k} 段"),
        example={"config": {"query": "What is it?", "collection": "example"}, "inputs": {}},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        documents = await retrieve(
            ctx, settings, settings.text("query"), credential=settings.text("credential")
        )
        passages = (f"[{source_label(entry['metadata'])}]\n{entry['text']}" for entry in documents)
        return {"documents": documents, "text": "\n\n".join(passages)}
