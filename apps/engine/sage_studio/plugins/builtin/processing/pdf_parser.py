"""Takes PDFs apart: one document per page, with outline and the document's own details."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json, JsonObject, define_error
from sage_studio.plugins.support.documents import document
from sage_studio.plugins.support.file_parts import pdf_pages
from sage_studio.plugins.support.reading.process import ReaderProcess
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.plugins.support.sniff import NOT_WHAT_IT_SAYS, look
from sage_studio.sdk import (
    Context,
    Field,
    FileRef,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
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

_HEAD_BYTES = 64 * 1024


class PdfParser(StreamNode):
    """Pages count from 1. Pages without text (scans) are left out unless asked for. As a stream, a page is
    given as soon as it is read; a checkpoint says how many have been."""

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
            Port(name="documents", type="array<Document>", label=text("Pages", "页面"), streams=True),
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
                credential_kinds=("api_key",),
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
        self._reader: ReaderProcess | None = None
        self._given = 0
        self._skip = 0

    async def prepare(self, ctx: Context) -> None:
        """Starting the reader process takes longer than reading most documents."""
        self._reader = ReaderProcess()
        await ctx.in_thread(self._reader.start)

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        """Everything at once, with the reader that was prepared."""
        documents: list[Any] = []
        rest: dict[str, Any] = {}
        async for part in self.stream(ctx, inputs):
            if "documents" in part:
                documents.append(part["documents"])
            else:
                rest |= part
        return {"documents": documents, **rest}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_PDF)
        password = await secret_text(ctx, settings.text("password"))
        keep_empty = settings.flag("keep_empty")
        outline: list[Json] = []
        details: list[Json] = []
        for number, file in enumerate(files):
            ctx.progress(number, len(files), file["name"])
            async for part in self._parts(ctx, file, password, settings.integer("max_pages")):
                if end := part.get("end"):
                    outline += [{"source": file["name"], **entry} for entry in end["outline"]]
                    details.append(_details(file["name"], end))
                elif (keep_empty or part["text"].strip()) and self._is_new():
                    metadata: JsonObject = {"source": file["name"], "page": part["page"]}
                    yield {
                        "documents": document(part["text"], {**metadata, "page_count": part["page_count"]})
                    }
        yield {"outline": outline, "details": details}

    async def _parts(
        self, ctx: Context, file: FileRef, password: str, max_pages: int
    ) -> AsyncIterator[dict[str, Any]]:
        """Raises NodeError ``file.not_what_it_says`` and ``pdf.*``."""
        found = look(await anext(ctx.files.stream(file, chunk_bytes=_HEAD_BYTES), b""))
        if found.group != "pdf":
            facts: JsonObject = {"name": file["name"], "claimed": "PDF", "found": found.label}
            raise NodeError(NOT_WHAT_IT_SAYS, facts)
        reader, self._reader = self._reader, None
        async for part in pdf_pages(ctx, file, password=password, max_pages=max_pages, reader=reader):
            yield part

    def _is_new(self) -> bool:
        """Whether the next page has not been given before a crash."""
        if self._skip:
            self._skip -= 1
            return False
        self._given += 1
        return True

    def snapshot(self) -> Json:
        return self._given

    def restore(self, state: Any) -> None:
        self._given = self._skip = state


def _details(name: str, end: Mapping[str, Any]) -> JsonObject:
    info: JsonObject = {key.lower(): value for key, value in end["metadata"].items()}
    return {**info, "source": name, "page_count": end["page_count"], "pages_read": end["pages_read"]}
