"""Reads documents of a MongoDB collection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.mongo import (
    MONGO_EXPERT,
    MONGO_FIELDS,
    document_json,
    from_json,
    open_collection,
)
from sage_studio.sdk import Chunk, Context, Field, NodeOutput, NodeSpec, Port, Settings, StreamNode, text

_AT_ONCE = 500


class MongodbFind(StreamNode):
    """Documents come through a cursor of the server, so that a result of any length passes in constant
    memory. A run that goes on after a crash asks again and leaves out as many as were given before."""

    spec = NodeSpec(
        id="mongodb_find",
        name=text("Find in MongoDB", "查询 MongoDB"),
        description=text(
            "Gives the documents of a collection that fit a filter, or what a pipeline makes of them.",
            "输出集合中符合条件的文档，或聚合管道的结果。",
        ),
        category="source",
        icon="database",
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="documents", type="array<object>", label=text("Documents", "文档"), streams=True),
            Port(name="count", type="integer", label=text("Number", "数量")),
        ),
        config=(
            *MONGO_FIELDS,
            Field(
                name="filter",
                type="any",
                label=text("Filter", "查询条件"),
                help=text(
                    'Such as {"city": "Hangzhou", "total": {"$gt": 100}}; ids as {"$oid": "…"}.',
                    '例如 {"city": "杭州", "total": {"$gt": 100}}；ID 写作 {"$oid": "…"}。',
                ),
                default={},
                control="json",
                wireable=True,
            ),
            Field(
                name="pipeline",
                type="array",
                label=text("Pipeline", "聚合管道"),
                help=text("Stages behind the filter; they may not write.", "在查询条件之后执行，不能写入。"),
                default=[],
                control="json",
                expert=True,
            ),
            Field(
                name="fields",
                type="array",
                label=text("Fields", "字段"),
                help=text("Empty: all.", "留空表示全部。"),
                default=[],
                control="list",
            ),
            Field(
                name="sort",
                type="array",
                label=text("Order by", "排序"),
                help=text("With a minus in front: falling.", "前加减号表示降序。"),
                default=[],
                control="list",
            ),
            Field(
                name="max_documents",
                type="integer",
                label=text("Documents at most", "最多文档数"),
                help=text("0: all of them.", "0 表示全部。"),
                default=10_000,
                minimum=0,
                maximum=1_000_000_000,
                unit=text("documents", "条"),
            ),
            *MONGO_EXPERT,
        ),
        summary=text("{collection}", "{collection}"),
        default_timeout_s=3_600,
        example={
            "config": {
                "credential": "shop documents",
                "collection": "orders",
                "filter": {"city": "Hangzhou"},
            },
            "inputs": {},
            "needs": "mongodb",
        },
    )

    def __init__(self) -> None:
        self._given = 0
        self._skip = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncGenerator[NodeOutput, None]:
        settings = Settings(self.spec, ctx, inputs)
        async with open_collection(ctx, settings) as collection:
            cursor = await collection.aggregate(
                _stages(settings, self._skip),
                batchSize=_AT_ONCE,
                maxTimeMS=int(settings.number("timeout_s") * 1000),
            )
            found = Chunk()
            async for document in cursor:
                found.append(document_json(document))
                if len(found) >= _AT_ONCE:
                    self._given += len(found)
                    yield {"documents": found}
                    found = Chunk()
            self._given += len(found)
            yield {"documents": found}
        yield {"count": self._given}

    def snapshot(self) -> Json:
        return {"documents": self._given}

    def restore(self, state: Any) -> None:
        self._given = self._skip = state["documents"]


def _stages(settings: Settings, skip: int) -> list[dict[str, Any]]:
    """All of it as one pipeline. Raises NodeError ``mongodb.not_allowed``."""
    stages: list[dict[str, Any]] = [{"$match": from_json(settings.raw("filter") or {})}]
    stages += from_json(settings.raw("pipeline") or [])
    if order := settings.texts("sort"):
        stages.append({"$sort": {name.lstrip("-"): -1 if name.startswith("-") else 1 for name in order}})
    most = settings.integer("max_documents")
    if most:
        stages.append({"$limit": most})
    if skip:
        stages.append({"$skip": skip})
    if fields := settings.texts("fields"):
        stages.append({"$project": dict.fromkeys(fields, 1)})
    return stages
