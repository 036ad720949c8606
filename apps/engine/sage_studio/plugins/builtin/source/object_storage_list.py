"""Lists what is in a bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.support.object_storage import PLACE_FIELDS, opened_bucket
from sage_studio.sdk import Chunk, Context, Field, NodeOutput, NodeSpec, Port, Settings, StreamNode, text


class ObjectStorageList(StreamNode):
    """Keys come in their order, a page of the service at a time; a checkpoint names the last one given."""

    spec = NodeSpec(
        id="object_storage_list",
        name=text("List objects", "列出对象"),
        description=text(
            "Lists the objects of a bucket (S3, OSS, COS, MinIO …) or of a local folder.",
            "列出存储桶中的对象：支持 S3、OSS、COS、MinIO 等兼容服务，或本机文件夹。",
        ),
        category="source",
        icon="list",
        gives_all=True,
        outputs=(
            Port(
                name="objects",
                type="array<object>",
                label=text("Objects", "对象"),
                description=text("key, size_bytes, modified, etag", "key、size_bytes、modified、etag"),
                streams=True,
            ),
        ),
        config=(
            *PLACE_FIELDS,
            Field(
                name="prefix",
                label=text("Folder", "文件夹"),
                help=text("Only keys under it, such as reports/2026.", "仅列出其下的键，例如 reports/2026。"),
                default="",
                max_length=1_000,
                wireable=True,
            ),
            Field(
                name="ending",
                label=text("Ending", "扩展名"),
                help=text("Only keys that end so, such as .csv.", "仅列出以此结尾的键，例如 .csv。"),
                default="",
                max_length=100,
            ),
            Field(
                name="limit",
                type="integer",
                label=text("Most objects", "最多对象数"),
                default=10_000,
                minimum=1,
                maximum=10_000_000,
                expert=True,
            ),
        ),
        summary=text("{bucket} {prefix}", "{bucket} {prefix}"),
        example={
            "config": {"credential": "storage", "prefix": "reports", "ending": ".csv"},
            "inputs": {},
            "needs": "s3",
        },
    )

    def __init__(self) -> None:
        self._last = ""
        self._given = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        prefix, ending = settings.text("prefix").strip("/"), settings.text("ending")
        limit = settings.integer("limit")
        async with opened_bucket(ctx, settings) as bucket:
            async for page in bucket.pages(prefix, self._last):
                found = [_facts(entry) for entry in page if entry["path"].endswith(ending)]
                found = found[: limit - self._given]
                self._given += len(found)
                self._last = page[-1]["path"] if page else self._last
                yield {"objects": Chunk(found)}
                ctx.progress(self._given)
                if self._given >= limit:
                    break

    def snapshot(self) -> Json:
        return {"last": self._last, "given": self._given}

    def restore(self, state: Any) -> None:
        self._last, self._given = state["last"], state["given"]


def _facts(entry: Mapping[str, Any]) -> JsonObject:
    return {
        "key": entry["path"],
        "size_bytes": entry["size"],
        "modified": entry["last_modified"].isoformat(),
        "etag": (entry.get("e_tag") or "").strip('"'),
    }
