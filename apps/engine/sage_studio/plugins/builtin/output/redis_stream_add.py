"""Adds entries to a Redis (or Valkey) stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.places import (
    ca_field,
    credential_field,
    place_of,
    timeout_field,
)
from sage_studio.plugins.support.queue_sink import (
    SINK_INPUTS,
    SINK_OUTPUTS,
    Message,
    QueueSink,
    each_text,
    item_field,
    message_field,
)
from sage_studio.plugins.support.redis import open_redis
from sage_studio.plugins.support.resp import REDIS_ERROR, RespConnection, RespError
from sage_studio.sdk import Choice, Context, Field, NodeError, NodeSpec, Settings, text

NO_STREAM = define_error(
    "redis.no_stream",
    3583,
    en="The name of the stream is empty.",
    zh="流名称为空。",
    status=422,
)


class RedisStreamAdd(QueueSink):
    """An object becomes the fields of an entry, anything else its one field. A chunk is sent in one go and
    answered entry by entry."""

    spec = NodeSpec(
        id="redis_stream_add",
        name=text("Add to Redis stream", "写入 Redis 流"),
        description=text(
            "Adds an entry to a Redis or Valkey stream for each item.",
            "为每一项向 Redis 或 Valkey 流追加一条消息。",
        ),
        category="output",
        icon="mail",
        effect="at_most_once",
        inputs=SINK_INPUTS,
        outputs=SINK_OUTPUTS,
        config=(
            credential_field("redis"),
            item_field("stream", "Stream", "流名称", default="", required=True),
            message_field(),
            Field(
                name="shape",
                label=text("Objects", "对象"),
                default="fields",
                control="select",
                expression="never",
                options=(
                    Choice(value="fields", label=text("One field per key", "每个键一个字段")),
                    Choice(value="json", label=text("JSON in one field", "以 JSON 存入一个字段")),
                ),
            ),
            Field(
                name="field",
                label=text("Name of that field", "字段名"),
                default="data",
                required=True,
                max_length=200,
                expert=True,
            ),
            Field(
                name="max_length",
                type="integer",
                label=text("Keep at most", "最多保留"),
                help=text(
                    "0: all. Older entries are dropped, roughly.", "0 表示全部；较旧的消息会被近似裁剪。"
                ),
                default=0,
                minimum=0,
                maximum=1_000_000_000,
                unit=text("entries", "条"),
                expert=True,
            ),
            timeout_field(30),
            ca_field(),
        ),
        summary=text("{stream}", "{stream}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "redis", "stream": "orders"},
            "inputs": {"items": [{"id": 1}]},
            "needs": "redis",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self._connection: RespConnection | None = None

    async def open(self, ctx: Context, settings: Settings) -> None:
        place = await place_of(ctx, settings, 6379)
        self._connection = await open_redis(ctx, place)

    async def send(self, ctx: Context, settings: Settings, messages: Sequence[Message]) -> None:
        assert self._connection is not None, "opened before"
        trim = settings.integer("max_length")
        as_fields, field = settings.text("shape") == "fields", settings.text("field")
        commands: list[list[str | int | bytes]] = []
        for message, stream in zip(messages, await each_text(settings, "stream", messages), strict=True):
            if not stream:
                raise NodeError(NO_STREAM, path="config.stream")
            bound: list[str | int | bytes] = ["MAXLEN", "~", trim] if trim else []
            commands.append(["XADD", stream, *bound, "*", *_fields(message, field, as_fields)])
        for reply in await self._connection.pipeline(commands, timeout_s=settings.number("timeout_s")):
            if isinstance(reply, RespError):
                raise NodeError(REDIS_ERROR, {"reason": str(reply)})

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _fields(message: Message, name: str, as_fields: bool) -> list[str | bytes]:
    value: Any = json.loads(message.body) if as_fields and message.is_json else None
    if not isinstance(value, Mapping) or not value:
        return [name, message.body]
    pairs: list[str | bytes] = []
    for key, entry in value.items():
        pairs += [str(key), entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)]
    return pairs
