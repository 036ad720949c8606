"""Gives every piece of text a vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.documents import Document, as_documents
from sage_studio.plugins.support.embedding import DEFAULT_DIMENSIONS, embed_by, hashing_model
from sage_studio.plugins.support.minilm import MODEL as MINILM
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

_API_ONLY: dict[str, tuple[Any, ...]] = {"provider": ("api", "tei", "sage")}


class Embedder(Node):
    """Hashing needs no service and no key; a service understands meaning and needs a credential."""

    spec = NodeSpec(
        id="embedder",
        name=text("Embed", "向量化"),
        description=text(
            "Turns text into vectors: by hashing of words (nothing needed), by a model on this machine, or "
            "by an embedding service.",
            "将文本转换为向量：词哈希（无需任何服务）、本机模型或嵌入服务。",
        ),
        category="ai",
        icon="cube",
        gives_all=True,
        inputs=(Port(name="chunks", type="array<Chunk>", label=text("Pieces", "片段"), required=True),),
        outputs=(
            Port(name="embedded", type="array<Chunk>", label=text("Pieces with vectors", "带向量的片段")),
            Port(name="model", type="string", label=text("Model", "模型")),
        ),
        config=(
            Field(
                name="provider",
                label=text("By", "方式"),
                help=text(
                    "Hashing compares wording, in any language; a model compares meaning. MiniLM knows "
                    "English only and must be installed; a Hugging Face server is one of Text Embeddings "
                    "Inference.",
                    "词哈希比较用词，适用于任何语言；模型比较语义。MiniLM 仅支持英文且需另行安装；"
                    "Hugging Face 服务指 Text Embeddings Inference。",
                ),
                default="hashing",
                control="select",
                expression="never",
                options=(
                    Choice(value="hashing", label=text("Hashing (no service)", "词哈希（无需服务）")),
                    Choice(value="minilm", label=text("MiniLM on this machine", "本机 MiniLM 模型")),
                    Choice(value="api", label=text("OpenAI-compatible service", "兼容 OpenAI 的服务")),
                    Choice(value="sage", label=text("SAGE (sageLLM gateway)", "SAGE（sageLLM 网关）")),
                    Choice(
                        value="tei",
                        label=text("Hugging Face server (BGE …)", "Hugging Face 推理服务（BGE 等）"),
                    ),
                ),
            ),
            Field(
                name="dimensions",
                type="integer",
                label=text("Dimensions", "维度"),
                default=DEFAULT_DIMENSIONS,
                minimum=64,
                maximum=2_048,
                unit=text("numbers", "个数值"),
                expert=True,
                show_when={"provider": ("hashing",)},
            ),
            Field(
                name="address",
                label=text("Address", "地址"),
                help=text(
                    "What stands before /embeddings (of SAGE: http://host:8080/v1), or before /embed.",
                    "/embeddings（SAGE 形如 http://主机:8080/v1）或 /embed 之前的部分。",
                ),
                default="https://api.openai.com/v1",
                max_length=500,
                show_when=_API_ONLY,
            ),
            Field(
                name="model",
                label=text("Model", "模型"),
                default="text-embedding-3-small",
                max_length=200,
                show_when=_API_ONLY,
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                default="",
                control="credential",
                credential_kinds=("openai", "api_key", "bearer"),
                expression="never",
                show_when=_API_ONLY,
            ),
        ),
        summary=text("{provider}", "{provider}"),
        default_timeout_s=900,
        example={"config": {"dimensions": 64}, "inputs": {"chunks": [{"text": "a piece"}]}},
    )

    @classmethod
    def is_deterministic(cls, config: Mapping[str, Json]) -> bool:
        return (config.get("provider") or "hashing") == "hashing"

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        chunks = as_documents(inputs.get("chunks"), "chunks")
        texts = [chunk["text"] for chunk in chunks]
        model = _model(settings)
        vectors = await embed_by(ctx, texts, model, settings.text("credential"))
        return {"embedded": _with_vectors(chunks, vectors), "model": model}


def _model(settings: Settings) -> str:
    """The model's full name, by which a question is embedded alike later."""
    provider = settings.text("provider")
    if provider in {"api", "tei", "sage"}:
        return f"{provider}:{settings.text('model')}@{settings.text('address').rstrip('/')}"
    return MINILM if provider == "minilm" else hashing_model(settings.integer("dimensions"))


def _with_vectors(chunks: list[Document], vectors: list[list[float]]) -> list[Document]:
    return [
        Document(id=chunk["id"], text=chunk["text"], metadata=chunk["metadata"], embedding=vector)
        for chunk, vector in zip(chunks, vectors, strict=True)
    ]
