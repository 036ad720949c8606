"""Puts a file or a value into a bucket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.plugins.support.object_storage import (
    PART_BYTES,
    PLACE_FIELDS,
    opened_bucket,
)
from sage_studio.sdk import Context, Field, FileRef, Node, NodeOutput, NodeSpec, Port, Settings, text
from sage_studio.sdk.settings import as_files


class ObjectStorageWrite(Node):
    """The object appears whole or not at all; writing the same again changes nothing. A file goes in parts
    and is never held whole."""

    spec = NodeSpec(
        id="object_storage_write",
        name=text("Write object", "写入对象"),
        description=text(
            "Puts a file, text or JSON into a bucket (S3, OSS, COS, MinIO …) or a local folder.",
            "将文件、文本或 JSON 写入存储桶：支持 S3、OSS、COS、MinIO 等兼容服务，或本机文件夹。",
        ),
        category="output",
        icon="upload",
        gives_all=True,
        effect="idempotent",
        inputs=(
            Port(
                name="value",
                label=text("Content", "内容"),
                description=text("A file, text, or anything JSON can say.", "文件、文本或任何 JSON 值。"),
                required=True,
            ),
        ),
        outputs=(
            Port(name="value", label=text("Content", "内容")),
            Port(name="key", type="string", label=text("Key", "键名")),
            Port(name="size_bytes", type="integer", label=text("Size", "大小")),
            Port(name="etag", type="string", label=text("ETag", "ETag")),
        ),
        config=(
            *PLACE_FIELDS,
            Field(
                name="key",
                label=text("Key", "键名"),
                help=text(
                    "The whole name; one that ends in / gets the file's name behind it.",
                    "完整名称；以 / 结尾时会在其后加上文件名。",
                ),
                required=True,
                max_length=1_024,
                wireable=True,
                placeholder=text("reports/2026/", "reports/2026/"),
            ),
            Field(
                name="content_type",
                label=text("Media type", "媒体类型"),
                help=text("Empty: the file's own.", "留空则使用文件自身的类型。"),
                default="",
                max_length=200,
                expert=True,
            ),
        ),
        summary=text("{key}", "{key}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "storage", "key": "reports/june.json"},
            "inputs": {"value": {"total": 12}},
            "needs": "s3",
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        value = inputs.get("value")
        file = (
            as_files(value)[0] if isinstance(value, Mapping) and isinstance(value.get("ref"), str) else None
        )
        key = settings.text("key")
        if key.endswith("/"):
            key += file["name"] if file else "value.json"
        counted = _Counted(ctx, file, value)
        async with opened_bucket(ctx, settings) as bucket:
            content = await counted.whole() if counted.is_small else counted.pieces()
            etag = await bucket.put(key, content, settings.text("content_type") or counted.mime)
        ctx.log("object_written", bucket=bucket.name, key=key, size_bytes=counted.size_bytes)
        return {"value": value, "key": key, "size_bytes": counted.size_bytes, "etag": etag}


class _Counted:
    """The content, piece by piece, and how much of it has gone."""

    def __init__(self, ctx: Context, file: FileRef | None, value: Any) -> None:
        self._ctx = ctx
        self._file = file
        self._value = value
        self.size_bytes = 0
        plain = "text/plain; charset=utf-8" if isinstance(value, str) else "application/json"
        plain = "application/octet-stream" if isinstance(value, bytes) else plain
        self.mime = (file["mime"] or "application/octet-stream") if file else plain

    @property
    def is_small(self) -> bool:
        """Whether it goes in one request."""
        return self._file is None or 0 < self._file["size_bytes"] <= PART_BYTES

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncIterator[bytes]:
        if self._file is None:
            content = self._plain()
            self.size_bytes = len(content)
            yield content
            return
        async for piece in self._ctx.files.stream(self._file):
            self.size_bytes += len(piece)
            self._ctx.progress(self.size_bytes, self._file["size_bytes"] or None)
            yield piece

    def _plain(self) -> bytes:
        if isinstance(self._value, bytes):
            return self._value
        if isinstance(self._value, str):
            return self._value.encode("utf-8", "replace")
        return json.dumps(self._value, ensure_ascii=False, default=str).encode("utf-8", "replace")
