"""Cuts documents into pieces small enough to embed and to quote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sage_studio.kernel import Json, JsonObject, define_error
from sage_studio.plugins.support.documents import Document, as_documents, document
from sage_studio.plugins.support.splitting import MEASURES, Measure, Piece, split_characters, split_sentences
from sage_studio.plugins.support.structured_text import code_blocks, markdown_sections
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

OVERLAP_TOO_BIG = define_error(
    "text_splitter.overlap",
    3181,
    en="The overlap ({overlap}) must be smaller than the size ({size}).",
    zh="重叠长度（{overlap}）必须小于分段长度（{size}）。",
    hint_en="Choose an overlap of about a tenth of the size.",
    hint_zh="建议重叠长度约为分段长度的十分之一。",
    status=422,
)


class TextSplitter(Node):
    """Each piece keeps its document's metadata and where in the text it was cut."""

    spec = NodeSpec(
        id="text_splitter",
        name=text("Split text", "切分文本"),
        description=text(
            "Cuts documents into overlapping pieces: at sentence ends, headings or functions, or by length.",
            "将文档切分为有重叠的片段，可按句子、标题、代码结构或长度。",
        ),
        category="processing",
        icon="scissors",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="documents", type="array<Document>", label=text("Documents", "文档"), required=True),
        ),
        outputs=(
            Port(name="chunks", type="array<Chunk>", label=text("Pieces", "片段")),
            Port(name="count", type="integer", label=text("Number of pieces", "片段数量")),
        ),
        config=(
            Field(
                name="by",
                label=text("Cut at", "切分方式"),
                default="sentences",
                control="select",
                expression="never",
                options=(
                    Choice(value="sentences", label=text("Sentence ends", "句子")),
                    Choice(value="characters", label=text("Length", "长度")),
                    Choice(value="markdown", label=text("Markdown headings", "Markdown 标题")),
                    Choice(value="code", label=text("Functions and classes", "函数与类")),
                ),
            ),
            Field(
                name="size",
                type="integer",
                label=text("Size", "分段长度"),
                help=text("No piece is longer than this.", "每个片段不超过此长度。"),
                default=800,
                minimum=20,
                maximum=20_000,
                control="slider",
            ),
            Field(
                name="measure",
                label=text("Measured in", "长度单位"),
                help=text(
                    "Tokens are estimated, a little high: one per short English word or Chinese character.",
                    "词元数为略偏高的估计值：较短的英文单词或一个汉字约为 1。",
                ),
                default="characters",
                control="select",
                expression="never",
                options=(
                    Choice(value="characters", label=text("Characters", "字符")),
                    Choice(value="tokens", label=text("Tokens", "词元")),
                ),
            ),
            Field(
                name="overlap",
                type="integer",
                label=text("Overlap", "重叠长度"),
                help=text("How much of one piece is repeated in the next.", "相邻片段之间重复的内容长度。"),
                default=100,
                minimum=0,
                maximum=5_000,
            ),
        ),
        summary=text("{size} {measure}", "{size} {measure}"),
        example={
            "config": {"size": 20, "overlap": 0},
            "inputs": {"documents": [{"text": "One sentence. Another one."}]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        size, overlap = settings.integer("size"), settings.integer("overlap")
        if overlap >= size:
            raise NodeError(OVERLAP_TOO_BIG, {"overlap": overlap, "size": size}, path="config.overlap")
        documents = as_documents(inputs.get("documents"), "documents")
        measure = MEASURES[settings.text("measure")]
        chunks = await ctx.in_thread(_split_all, documents, settings.text("by"), size, overlap, measure)
        ctx.log("split", documents=len(documents), chunks=len(chunks))
        return {"chunks": chunks, "count": len(chunks)}


def _split_all(
    documents: list[Document], by: str, size: int, overlap: int, measure: Measure
) -> list[Document]:
    return [
        document(
            piece.text,
            {
                **source["metadata"],
                **more,
                "document_id": source["id"],
                "start": piece.start,
                "end": piece.end,
            },
        )
        for source in documents
        for piece, more in _pieces(source["text"], by, size, overlap, measure)
    ]


def _pieces(
    source: str, by: str, size: int, overlap: int, measure: Measure
) -> Iterator[tuple[Piece, JsonObject]]:
    """Pieces with what is known of their place: a section is cut further where it is too long."""
    parts: list[tuple[int, int, JsonObject]] = [(0, len(source), {})]
    if by == "markdown":
        parts = [(p.start, p.end, {"headings": list[Json](p.names)}) for p in markdown_sections(source)]
    elif by == "code":
        blocks = code_blocks(source, size, measure)
        parts = [(p.start, p.end, {"names": list[Json](p.names)}) for p in blocks]
    split = split_characters if by in ("characters", "code") else split_sentences
    for start, end, more in parts:
        for piece in split(source[start:end], size, overlap, measure):
            yield Piece(piece.text, piece.start + start, piece.end + start), more
