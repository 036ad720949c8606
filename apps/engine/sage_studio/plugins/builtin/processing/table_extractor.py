"""Finds the tables of PDFs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.reading.fields import PDF_PAGES_FIELD, PDF_PASSWORD_FIELD
from sage_studio.plugins.support.reading.process import read_document
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.plugins.support.tables import column_names
from sage_studio.sdk import (
    Context,
    Field,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)

NO_FILES = define_error(
    "table_extractor.no_files",
    3146,
    en="There is no PDF to look for tables in.",
    zh="没有可提取表格的 PDF。",
    hint_en="Connect a node that gives files, or choose some in the node.",
    hint_zh="请连接提供文件的节点，或在节点中选择文件。",
    status=422,
)


class TableExtractor(StreamNode):
    """Tables with lines around their cells are found exactly; those without by how their words stand under
    one another. Tables in scans are pictures and are not found."""

    spec = NodeSpec(
        id="table_extractor",
        name=text("Extract tables", "提取表格"),
        description=text("Finds tables in PDFs and gives their rows.", "从 PDF 中提取表格数据。"),
        category="processing",
        icon="table",
        gives_all=True,
        cpu_bound=True,
        inputs=(Port(name="files", type="array<File>", label=text("Files", "文件")),),
        outputs=(
            Port(
                name="tables",
                type="array<object>",
                label=text("Tables", "表格"),
                description=text("source, page, columns, rows", "source、page、columns、rows"),
                streams=True,
            ),
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
                name="has_header",
                type="boolean",
                label=text("First row holds the names", "首行为列名"),
                default=True,
                control="switch",
            ),
            PDF_PASSWORD_FIELD,
            PDF_PAGES_FIELD,
        ),
        default_timeout_s=600,
        example={
            "config": {"files": [{"name": "handbook.pdf", "mime": "", "ref": "sample:handbook.pdf"}]},
            "inputs": {},
        },
    )

    def __init__(self) -> None:
        self._given = 0
        self._skip = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_FILES)
        password = await secret_text(ctx, settings.text("password"))
        options: dict[str, Json] = {"password": password, "max_pages": settings.integer("max_pages")}
        for number, file in enumerate(files):
            ctx.progress(number, len(files), file["name"])
            async for part in read_document(ctx, file, "tables", options):
                if "rows" in part and self._is_new():
                    table = _table(part["rows"], has_header=settings.flag("has_header"))
                    yield {"tables": {"source": file["name"], "page": part["page"], **table}}

    def _is_new(self) -> bool:
        """Whether the next table has not been given before a crash."""
        if self._skip:
            self._skip -= 1
            return False
        self._given += 1
        return True

    def snapshot(self) -> Json:
        return self._given

    def restore(self, state: Any) -> None:
        self._given = self._skip = state


def _table(rows: list[list[str]], *, has_header: bool) -> dict[str, Any]:
    names = column_names(rows[0] if has_header else [], max(map(len, rows)))
    body = rows[1:] if has_header else rows
    return {"columns": names, "rows": [dict(zip(names, row, strict=True)) for row in body]}
