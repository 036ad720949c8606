"""Takes the pictures out of PDFs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.reading.fields import PDF_PAGES_FIELD, PDF_PASSWORD_FIELD
from sage_studio.plugins.support.reading.process import Limits, read_document
from sage_studio.plugins.support.secrets import secret_text
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

NO_FILES = define_error(
    "image_extractor.no_files",
    3147,
    en="There is no PDF to take pictures out of.",
    zh="没有可提取图片的 PDF。",
    hint_en="Connect a node that gives files, or choose some in the node.",
    hint_zh="请连接提供文件的节点，或在节点中选择文件。",
    status=422,
)
_LIMITS = Limits(memory_bytes=2 << 30)


class ImageExtractor(Node):
    """Pictures are written into the workspace as PNG files, in the order of the pages."""

    spec = NodeSpec(
        id="image_extractor",
        name=text("Extract images", "提取图片"),
        description=text(
            "Takes the pictures out of PDFs, as PNG files.", "从 PDF 中提取图片，保存为 PNG 文件。"
        ),
        category="processing",
        icon="image",
        effect="idempotent",
        gives_all=True,
        cpu_bound=True,
        inputs=(Port(name="files", type="array<File>", label=text("Files", "文件")),),
        outputs=(
            Port(name="files", type="array<File>", label=text("Pictures", "图片")),
            Port(
                name="images",
                type="array<object>",
                label=text("Details", "详情"),
                description=text(
                    "source, page, number, width, height, file", "source、page、number、width、height、file"
                ),
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
                name="min_pixels",
                type="integer",
                label=text("Smallest side", "最小边长"),
                help=text("Smaller pictures (dots, lines) are left out.", "忽略更小的图片（如圆点、线条）。"),
                default=16,
                minimum=1,
                maximum=10_000,
                unit=text("pixels", "像素"),
            ),
            Field(
                name="max_images",
                type="integer",
                label=text("Most pictures", "最多图片数"),
                default=200,
                minimum=1,
                maximum=5_000,
                expert=True,
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

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_FILES)
        password = await secret_text(ctx, settings.text("password"))
        options: dict[str, Json] = {
            "password": password,
            "max_pages": settings.integer("max_pages"),
            "min_pixels": settings.integer("min_pixels"),
        }
        left = settings.integer("max_images")
        images: list[dict[str, Any]] = []
        for number, file in enumerate(files):
            ctx.progress(number, len(files), file["name"])
            async for part in read_document(ctx, file, "images", options, limits=_LIMITS):
                if "skipped" in part:
                    ctx.log("picture_left_out", level="warning", name=file["name"], **part)
                elif "png" in part:
                    images.append(await _written(ctx, file, part))
                if len(images) >= left:
                    ctx.log("pictures_left_out", level="warning", kept=left)
                    return _outputs(images)
        return _outputs(images)


async def _written(ctx: Context, file: FileRef, part: Mapping[str, Any]) -> dict[str, Any]:
    name = f"{PurePosixPath(file['name']).stem}-p{part['page']}-{part['number']}.png"
    written = await ctx.files.write(name, "image/png", base64.b64decode(part["png"]))
    facts = {key: part[key] for key in ("page", "number", "width", "height")}
    return {"source": file["name"], **facts, "file": written}


def _outputs(images: list[dict[str, Any]]) -> NodeOutput:
    return {"files": [image["file"] for image in images], "images": images}
