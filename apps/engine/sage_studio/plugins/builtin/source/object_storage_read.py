"""Brings an object of a bucket into the workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.object_storage import (
    PLACE_FIELDS,
    opened_bucket,
)
from sage_studio.plugins.support.sniff import decode, sniff_mime
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

TOO_LARGE = define_error(
    "storage.too_large",
    3159,
    en="“{key}” has {size_mb} MB, more than the {limit_mb} MB allowed.",
    zh="“{key}”大小为 {size_mb} MB，超过上限 {limit_mb} MB。",
    hint_en="Raise the limit in the node, or read it as a file, which takes no memory.",
    hint_zh="请提高节点中的上限，或作为文件读取（不占内存）。",
    status=413,
)
_MAX_TEXT_MB = 16


class ObjectStorageRead(Node):
    """As a file it streams from the bucket into the workspace and is never held whole."""

    spec = NodeSpec(
        id="object_storage_read",
        name=text("Read object", "读取对象"),
        description=text(
            "Reads an object from a bucket (S3, OSS, COS, MinIO …) or a local folder.",
            "从存储桶读取对象：支持 S3、OSS、COS、MinIO 等兼容服务，或本机文件夹。",
        ),
        category="source",
        icon="download",
        effect="idempotent",
        outputs=(
            Port(name="file", type="File", label=text("File", "文件")),
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="key", type="string", label=text("Key", "键名")),
        ),
        config=(
            *PLACE_FIELDS,
            Field(
                name="key",
                label=text("Key", "键名"),
                help=text("The whole name, folders included.", "完整名称，包含文件夹。"),
                required=True,
                max_length=1_024,
                wireable=True,
                placeholder=text("reports/2026/june.csv", "reports/2026/june.csv"),
            ),
            Field(
                name="as",
                label=text("Read as", "读取为"),
                default="file",
                control="select",
                expression="never",
                options=(
                    Choice(value="file", label=text("File of the workspace", "工作区文件")),
                    Choice(value="text", label=text("Text", "文本")),
                ),
            ),
            Field(
                name="limit_mb",
                type="integer",
                label=text("Largest size", "最大大小"),
                default=2_048,
                minimum=1,
                maximum=100_000,
                unit=text("MB", "MB"),
                expert=True,
                show_when={"as": ("file",)},
            ),
        ),
        summary=text("{key}", "{key}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "storage", "key": "reports/june.csv"},
            "inputs": {},
            "needs": "s3",
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        key = settings.text("key")
        as_text = settings.text("as") == "text"
        limit_mb = _MAX_TEXT_MB if as_text else settings.integer("limit_mb")
        async with opened_bucket(ctx, settings) as bucket:
            size, content = await bucket.get(key)
            if size > limit_mb << 20:
                facts: dict[str, Json] = {"key": key, "size_mb": -(-size >> 20), "limit_mb": limit_mb}
                raise NodeError(TOO_LARGE, facts)
            pieces = _counted(ctx, content, key, size)
            name = key.rsplit("/", 1)[-1]
            if as_text:
                whole = b"".join([piece async for piece in pieces])
                return {"text": (await ctx.in_thread(decode, name, whole))[0], "key": key}
            first = await anext(pieces, b"")
            file = await ctx.files.write(name, sniff_mime(name, first), _after(first, pieces))
        return {"file": file, "key": key}


async def _counted(ctx: Context, content: AsyncIterator[bytes], key: str, size: int) -> AsyncIterator[bytes]:
    done = 0
    async for piece in content:
        done += len(piece)
        ctx.progress(done, size, key)
        yield piece


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece
