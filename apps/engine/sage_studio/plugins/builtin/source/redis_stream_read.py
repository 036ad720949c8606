"""Consumes a Redis (or Valkey) stream as a member of a consumer group."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.resp import REDIS_ERROR, RespConnection, RespError
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.sdk import (
    Chunk,
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

BAD_ADDRESS = define_error(
    "redis.bad_address",
    3184,
    en="“{address}” is not the address of a Redis server.",
    zh="“{address}”不是有效的 Redis 服务器地址。",
    hint_en="Write redis://host:6379/0, or rediss:// for TLS; user and password go into a credential.",
    hint_zh="请填写 redis://主机:6379/0，TLS 使用 rediss://；用户名和密码请放入凭据。",
    status=422,
)
_BLOCK_MS = 500
_ACK_AT_ONCE = 500
_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class RedisStreamRead(StreamNode):
    """At least once: an entry is acknowledged when the checkpoint behind it is committed.

    The consumer is named after the run and the node, so that another worker that takes the run up
    finds its entries still pending. What the last checkpoint already holds is acknowledged again and
    not read twice.
    """

    spec = NodeSpec(
        id="redis_stream_read",
        name=text("Read Redis stream", "读取 Redis 流"),
        description=text(
            "Takes entries from a Redis stream, one after another, as a member of a consumer group.",
            "以消费者组成员的身份，逐条读取 Redis 流中的消息。",
        ),
        category="source",
        icon="mail",
        effect="idempotent",
        outputs=(Port(name="items", type="array<object>", label=text("Entries", "消息"), streams=True),),
        config=(
            Field(
                name="address",
                label=text("Address", "地址"),
                default="redis://localhost:6379/0",
                required=True,
                placeholder=text("redis://host:6379/0", "redis://主机:6379/0"),
            ),
            Field(
                name="credential",
                label=text("Password credential", "密码凭据"),
                help=text("Holds the password.", "存有密码。"),
                default="",
                control="credential",
                credential_kind="api_key",
                expression="never",
            ),
            Field(
                name="user",
                label=text("User", "用户名"),
                help=text("Empty: the default user.", "留空则使用默认用户。"),
                default="",
                max_length=200,
                expert=True,
            ),
            Field(name="stream", label=text("Stream", "流名称"), default="", required=True, max_length=500),
            Field(
                name="group",
                label=text("Consumer group", "消费者组"),
                help=text("Made when it is not there.", "不存在时自动创建。"),
                default="sage",
                required=True,
                max_length=200,
            ),
            Field(
                name="json_field",
                label=text("Field with JSON", "JSON 字段"),
                help=text(
                    "The entry's field whose text is JSON; it is read into “value”.",
                    "消息中内容为 JSON 的字段，解析后放入 value。",
                ),
                default="",
                max_length=200,
                expert=True,
            ),
            Field(
                name="max_items",
                type="integer",
                label=text("Stop after", "读取条数上限"),
                help=text("0: go on for ever.", "0 表示持续读取。"),
                default=0,
                minimum=0,
                maximum=1_000_000_000,
                unit=text("entries", "条"),
                expert=True,
            ),
            Field(
                name="idle_stop_s",
                type="number",
                label=text("Stop when nothing came for", "空闲多久后停止"),
                help=text("0: go on waiting.", "0 表示一直等待。"),
                default=0,
                minimum=0,
                maximum=86_400,
                unit=text("seconds", "秒"),
                expert=True,
            ),
        ),
        summary=text("{stream}", "{stream}"),
        example={
            "config": {"address": "redis://localhost:6379/0", "stream": "orders", "group": "sage"},
            "inputs": {},
            "needs": "redis",
        },
    )

    def __init__(self) -> None:
        self._read: list[str] = []
        self._marked = 0
        self._count = 0
        self._held: list[str] = []
        self._connection: RespConnection | None = None
        self._stream = ""
        self._group = ""

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        self._stream, self._group = settings.text("stream"), settings.text("group")
        json_field, limit = settings.text("json_field"), settings.integer("max_items")
        patience_s, idle_s = settings.number("idle_stop_s"), 0.0
        consumer = f"{ctx.run_id}:{ctx.node_id}:{ctx.iteration_path}"
        await self._connect(ctx, settings)
        if self._held:
            await self._acknowledge(self._held)
            self._held = []
        start = "0"  # what this consumer was given before and has not acknowledged, then what is new
        loop = asyncio.get_running_loop()
        while not limit or self._count < limit:
            began = loop.time()
            at_once = min(1_000, limit - self._count) if limit else 1_000
            entries = await self._next(ctx, settings, consumer, start, at_once)
            if entries:
                idle_s = 0.0
                start = entries[-1][0] if start != ">" else start
                self._read.extend(entry_id for entry_id, _fields in entries)
                self._count += len(entries)
                yield {"items": Chunk(_item(entry_id, fields, json_field) for entry_id, fields in entries)}
                continue
            if start != ">":
                start = ">"
                continue
            idle_s += loop.time() - began
            if patience_s and idle_s >= patience_s:
                return
            yield {}  # a turn for checkpoints while nothing comes

    async def _next(
        self, ctx: Context, settings: Settings, consumer: str, start: str, count: int
    ) -> list[tuple[str, list[str] | None]]:
        """Entries, or none within the time a read blocks; a broken connection is made anew."""
        for pause_s in (*_RECONNECT_S, None):
            try:
                if self._connection is None:
                    await self._connect(ctx, settings)
                assert self._connection is not None, "connected just now"
                words: list[str | int] = ["XREADGROUP", "GROUP", self._group, consumer, "COUNT", count]
                words += ["BLOCK", _BLOCK_MS] if start == ">" else []
                reply = await self._connection.call(*words, "STREAMS", self._stream, start)
            except RespError as error:
                raise NodeError(REDIS_ERROR, {"reason": str(error)}) from error
            except NodeError as error:
                self._connection = None
                if pause_s is None or not error.can_retry:
                    raise
                ctx.log("redis_reconnects", level="warning", reason=error.message())
                await asyncio.sleep(pause_s)
            else:
                return [(entry[0], entry[1]) for entry in reply[0][1]] if reply else []
        return []

    async def _connect(self, ctx: Context, settings: Settings) -> None:
        address = urlsplit(settings.text("address"))
        if address.scheme not in {"redis", "rediss"} or not address.hostname or address.password:
            raise NodeError(BAD_ADDRESS, {"address": address.hostname or address.geturl()[:100]})
        reader, writer = await ctx.http.connect(
            address.hostname, address.port or 6379, tls=address.scheme == "rediss"
        )
        connection = RespConnection(reader, writer)
        try:
            await _log_in(ctx, connection, settings, unquote(address.path.strip("/")))
            await _ensure_group(connection, self._stream, self._group)
        except RespError as error:
            connection.close()
            raise NodeError(REDIS_ERROR, {"reason": str(error)}) from error
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def snapshot(self) -> Json:
        self._marked = len(self._read)
        return {"read": list[Json](self._read), "count": self._count}

    def restore(self, state: Any) -> None:
        self._held, self._count = list(state["read"]), state["count"]

    async def committed(self) -> None:
        done = self._read[: self._marked]
        if done and self._connection is not None:
            try:
                await self._acknowledge(done)
            except NodeError:
                self._connection = None  # the next checkpoint acknowledges these as well
            else:
                del self._read[: len(done)]
        self._marked = 0

    async def _acknowledge(self, ids: list[str]) -> None:
        assert self._connection is not None, "what was read was read over a connection"
        for start in range(0, len(ids), _ACK_AT_ONCE):
            batch = ids[start : start + _ACK_AT_ONCE]
            await self._connection.call("XACK", self._stream, self._group, *batch)

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


async def _log_in(ctx: Context, connection: RespConnection, settings: Settings, database: str) -> None:
    password, user = await secret_text(ctx, settings.text("credential")), settings.text("user")
    if password:
        await connection.call("AUTH", *([user] if user else []), password)
    if database and database != "0":
        await connection.call("SELECT", database)


async def _ensure_group(connection: RespConnection, stream: str, group: str) -> None:
    try:
        await connection.call("XGROUP", "CREATE", stream, group, "0", "MKSTREAM")
    except RespError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def _item(entry_id: str, fields: list[str] | None, json_field: str) -> dict[str, Any]:
    """An entry as ``{id, at_ms, data, value?}``; an entry deleted meanwhile has no data."""
    pairs = fields or []
    data = dict(zip(pairs[::2], pairs[1::2], strict=True))
    item: dict[str, Any] = {"id": entry_id, "at_ms": int(entry_id.split("-", 1)[0]), "data": data}
    if json_field:
        try:
            item["value"] = json.loads(data.get(json_field, "null"))
        except ValueError:
            item["value"] = None
    return item
