"""Takes PDFs apart: one document per page, with outline and the document's own details."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import Json, JsonObject, define_error
from sage_studio.plugins.support.documents import Document, document
from sage_studio.plugins.support.pdf import PdfText, Reader, read_pdf
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.plugins.support.sniff import NOT_WHAT_IT_SAYS, look
from sage_studio.sdk import (
    Context,
    Field,
    FileRef,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

NO_PDF = define_error(
    "pdf_parser.no_files",
    3134,
    en="There is no PDF to take apart.",
    zh="没有可解析的 PDF。",
    hint_en="Connect a node that gives files, or choose some in the node.",
    hint_zh="请连接提供文件的节点，或在节点中选择文件。",
    status=422,
)


class PdfParser(Node):
    """Pages count from 1. Pages without text (scans) are left out unless asked for."""

    prepares_from = frozenset[str]()
    spec = NodeSpec(
        id="pdf_parser",
        name=text("Parse PDF", "解析 PDF"),
        description=text(
            "Reads the text of PDFs page by page, with their outline and details.",
            "逐页读取 PDF 的文本，以及目录大纲和文档信息。",
        ),
        category="processing",
        icon="file-pdf",
        gives_all=True,
        cpu_bound=True,
        inputs=(Port(name="files", type="array<File>", label=text("Files", "文件")),),
        outputs=(
            Port(name="documents", type="array<Document>", label=text("Pages", "页面")),
            Port(name="outline", type="array<object>", label=text("Outline", "大纲")),
            Port(name="details", type="array<object>", label=text("Details", "文档信息")),
        ),
        config=(
            Field(
                name="files",
                type="array",
                label=text("Files", "文件"),
                default=[],
                control="files",
                wireable=True,
            ),
            Field(
                name="password",
                label=text("Password credential", "密码凭据"),
                help=text(
                    "A credential that holds the password of protected PDFs.", "存有受保护 PDF 密码的凭据。"
                ),
                default="",
                control="credential",
                credential_kind="api_key",
                expression="never",
            ),
            Field(
                name="max_pages",
                type="integer",
                label=text("Most pages per file", "每个文件的最大页数"),
                default=2_000,
                minimum=1,
                maximum=20_000,
                unit=text("pages", "页"),
                expert=True,
            ),
            Field(
                name="keep_empty",
                type="boolean",
                label=text("Keep pages without text", "保留无文本的页面"),
                default=False,
                control="switch",
                expert=True,
            ),
        ),
        default_timeout_s=600,
        example={
            "config": {"files": [{"name": "handbook.pdf", "mime": "", "ref": "sample:handbook.pdf"}]},
            "inputs": {},
        },
    )

    def __init__(self) -> None:
        self._reader: Reader | None = None

    async def prepare(self, ctx: Context) -> None:
        """Starting the reader process takes longer than reading most documents."""
        self._reader = Reader()
        await ctx.in_thread(self._reader.start)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_PDF)
        password = await secret_text(ctx, settings.text("password"))
        max_pages, keep_empty = settings.integer("max_pages"), settings.flag("keep_empty")
        documents: list[Document] = []
        outline: list[Json] = []
        details: list[Json] = []
        for number, file in enumerate(files):
            ctx.progress(number, len(files), file["name"])
            content = await ctx.files.read(file)
            reader, self._reader = self._reader, None
            pdf = await ctx.in_thread(_parse, file, content, reader, password, max_pages)
            documents.extend(_pages(file["name"], pdf, keep_empty=keep_empty))
            outline.extend({"source": file["name"], **entry} for entry in pdf.outline)
            details.append(_details(file["name"], pdf))
        return {"documents": documents, "outline": outline, "details": details}


def _parse(file: FileRef, content: bytes, reader: Reader | None, password: str, max_pages: int) -> PdfText:
    found = look(content)
    if found.group != "pdf":
        if reader is not None:
            reader.close()
        facts: JsonObject = {"name": file["name"], "claimed": "PDF", "found": found.label}
        raise NodeError(NOT_WHAT_IT_SAYS, facts)
    return read_pdf(file["name"], content, reader=reader, password=password, max_pages=max_pages)


def _pages(name: str, pdf: PdfText, *, keep_empty: bool) -> list[Document]:
    return [
        document(page, {"source": name, "page": number, "page_count": pdf.page_count})
        for number, page in enumerate(pdf.pages, start=1)
        if keep_empty or page.strip()
    ]


def _details(name: str, pdf: PdfText) -> JsonObject:
    info: JsonObject = {key.lower(): value for key, value in pdf.metadata.items()}
    return {**info, "source": name, "page_count": pdf.page_count, "pages_read": len(pdf.pages)}
