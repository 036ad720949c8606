"""Writes documents into a MongoDB collection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.items import as_items
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.mongo import (
    MONGO_EXPERT,
    MONGO_FIELDS,
    REFUSED,
    document_json,
    from_json,
    open_collection,
)
from sage_studio.sdk import (
    Choice,
    Chunk,
    Context,
    Effect,
    Field,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)

NO_KEY = define_error(
    "mongodb_write.no_key",
    3595,
    en="Document {index} lacks the field “{name}” that identifies it.",
    zh="第 {index} 个文档缺少用于识别的字段“{name}”。",
    hint_en="Check the key fields in the node, or the documents.",
    hint_zh="请检查节点中的键字段或文档内容。",
    status=422,
)
NOT_A_DOCUMENT = define_error(
    "mongodb_write.not_a_document",
    3596,
    en="Item {index} is not an object.",
    zh="第 {index} 项不是对象。",
    status=422,
)
_AT_ONCE = 500


class MongodbWrite(StreamNode):
    """Documents are sent in batches; MongoDB keeps those it takes although it refuses others."""

    spec = NodeSpec(
        id="mongodb_write",
        name=text("Write to MongoDB", "写入 MongoDB"),
        description=text(
            "Inserts documents into a collection, or changes those that are there already.",
            "向集合插入文档，或更新已存在的文档。",
        ),
        category="output",
        icon="database",
        effect="at_most_once",
        inputs=(
            Port(
                name="documents",
                type="array<any>",
                label=text("Documents", "文档"),
                required=True,
                streams=True,
            ),
        ),
        outputs=(
            Port(name="written", type="integer", label=text("Written", "写入数量")),
            Port(
                name="rejects",
                type="array<object>",
                label=text("Refused documents", "被拒绝的文档"),
                streams=True,
            ),
        ),
        config=(
            *MONGO_FIELDS,
            Field(
                name="mode",
                label=text("Documents that are there already", "文档已存在时"),
                default="insert",
                control="select",
                expression="never",
                options=(
                    Choice(value="insert", label=text("Are an error (insert)", "报错（插入）")),
                    Choice(value="update", label=text("Get the new fields (upsert)", "更新字段（upsert）")),
                    Choice(value="replace", label=text("Are replaced (upsert)", "整体替换（upsert）")),
                ),
            ),
            Field(
                name="keys",
                type="array",
                label=text("Key fields", "键字段"),
                help=text("What identifies a document.", "用于识别文档的字段。"),
                default=["_id"],
                control="list",
                show_when={"mode": ("update", "replace")},
            ),
            Field(
                name="on_reject",
                label=text("Documents that MongoDB refuses", "被拒绝的文档"),
                default="fail",
                control="select",
                expression="never",
                options=(
                    Choice(value="fail", label=text("Fail", "失败")),
                    Choice(
                        value="collect", label=text("Come out at “Refused documents”", "从“被拒绝的文档”输出")
                    ),
                ),
            ),
            *MONGO_EXPERT,
        ),
        summary=text("{collection}", "{collection}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "shop documents", "collection": "orders"},
            "inputs": {"documents": [{"_id": 1, "total": 9.5}]},
            "needs": "mongodb",
        },
    )

    def __init__(self) -> None:
        self._written = 0
        self._seen = 0

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        return "idempotent" if config.get("mode") in {"update", "replace"} else "at_most_once"

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        documents = as_items(inputs.get("documents"), "documents")
        rejects: list[Any] = []
        async with open_collection(ctx, settings) as collection:
            for start in range(0, len(documents), _AT_ONCE):
                rejects += await self._write(collection, settings, documents[start : start + _AT_ONCE])
                ctx.progress(self._seen, len(documents))
        return {"written": self._written, "rejects": rejects}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncGenerator[NodeOutput, None]:
        settings = Settings(self.spec, ctx, inputs)
        async with open_collection(ctx, settings) as collection:
            async for chunk in inputs["documents"].chunks():
                for start in range(0, len(chunk), _AT_ONCE):
                    part = list(chunk[start : start + _AT_ONCE])
                    yield {"rejects": Chunk(await self._write(collection, settings, part))}
        yield {"written": self._written}

    async def _write(self, collection: Any, settings: Settings, items: Sequence[Any]) -> list[Any]:
        errors = library("pymongo.errors", "databases")
        operations = _operations(settings, items, self._seen)
        self._seen += len(items)
        try:
            await collection.bulk_write(operations, ordered=False)
        except errors.BulkWriteError as error:
            refused = error.details.get("writeErrors") or []
            if settings.text("on_reject") == "fail" or not refused:
                first = refused[0] if refused else {"errmsg": str(error), "code": error.code}
                facts = {"reason": str(first.get("errmsg"))[:1_000], "code": first.get("code") or "–"}
                raise NodeError(REFUSED, facts) from error
            self._written += len(items) - len(refused)
            return [_reject(items[entry["index"]], entry) for entry in refused]
        self._written += len(items)
        return []

    def snapshot(self) -> Json:
        return {"written": self._written, "seen": self._seen}

    def restore(self, state: Any) -> None:
        self._written, self._seen = state["written"], state["seen"]


def _reject(item: Any, entry: Mapping[str, Any]) -> dict[str, Any]:
    problem = {"code": "mongodb.refused", "message": str(entry.get("errmsg"))[:1_000]}
    return {"document": document_json(item), "error": problem}


def _operations(settings: Settings, items: Sequence[Any], first: int) -> list[Any]:
    """Raises NodeError for what is no document, or lacks its key."""
    pymongo, mode, keys = library("pymongo", "databases"), settings.text("mode"), settings.texts("keys")
    made = []
    for number, item in enumerate(items, start=first + 1):
        if not isinstance(item, Mapping):
            raise NodeError(NOT_A_DOCUMENT, {"index": number})
        document = from_json(item)
        if mode == "insert":
            made.append(pymongo.InsertOne(document))
            continue
        missing = next((key for key in keys or ["_id"] if key not in document), None)
        if missing is not None:
            raise NodeError(NO_KEY, {"index": number, "name": missing}, path="config.keys")
        match = {key: {"$eq": document[key]} for key in keys or ["_id"]}
        if mode == "replace":
            made.append(pymongo.ReplaceOne(match, document, upsert=True))
        else:
            changed = {name: value for name, value in document.items() if name not in match}
            made.append(
                pymongo.UpdateOne(match, {"$set": changed} if changed else {"$setOnInsert": {}}, upsert=True)
            )
    return made
