"""Consumes a Redis (or Valkey) stream as a member of a consumer group."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.addresses import address_fields, keeping_address, place_named
from sage_studio.plugins.support.places import ca_field, credential_field
from sage_studio.plugins.support.queue_source import QueueSource, end_fields
from sage_studio.plugins.support.redis import open_redis
from sage_studio.plugins.support.resp import REDIS_ERROR, RespConnection, RespError
from sage_studio.sdk import (
    Context,
    Field,
    NodeError,
    NodeSpec,
    Port,
    Settings,
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
_PORTS = {"redis": 6379, "rediss": 6379}
_BLOCK_MS = 500
_ACK_AT_ONCE = 500
_AT_ONCE = 1_000
_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_Entry: TypeAlias = tuple[str, list[str] | None]


class RedisStreamRead(QueueSource):
    """At least once: an entry is acknowledged when the checkpoint behind it is committed.

    The consumer is named after the run and the node, so that another worker that takes the run up
    finds its entries still pending. What the last checkpoint already holds is acknowledged again and
    not read twice.
    """

    spec = NodeSpec(
        id="redis_stream_read",
        version="2.0.0",
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
            credential_field("redis", "api_key", required=False),
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
            ca_field(),
            *address_fields("redis://host:6379/0"),
            *end_fields(text("entries", "条")),
        ),
        summary=text("{stream}", "{stream}"),
        example={
            "config": {"credential": "redis", "stream": "orders", "group": "sage"},
            "inputs": {},
            "needs": "redis",
        },
    )

    upgrades = MappingProxyType({"2.0.0": keeping_address("redis://localhost:6379/0")})

    def __init__(self) -> None:
        super().__init__()
        self._read: list[str] = []
        self._marked = 0
        self._held: list[str] = []
        self._connection: RespConnection | None = None
        self._stream = self._group = self._json_field = ""
        self._start = "0"  # what this consumer was given before and has not acknowledged, then what is new

    async def open(self, ctx: Context, settings: Settings) -> None:
        self._ctx, self._settings = ctx, settings
        self._stream, self._group = settings.text("stream"), settings.text("group")
        self._json_field = settings.text("json_field")
        await self._connect(ctx, settings)
        if self._held:
            await self._acknowledge(self._held)
            self._held = []

    async def next_entries(self, most: int | None) -> Sequence[_Entry]:
        entries = await self._next(min(_AT_ONCE, most or _AT_ONCE))
        if not entries and self._start != ">":
            self._start = ">"
            entries = await self._next(min(_AT_ONCE, most or _AT_ONCE))
        if entries and self._start != ">":
            self._start = entries[-1][0]
        self._read.extend(entry_id for entry_id, _fields in entries)
        return entries

    def item_of(self, entry: _Entry) -> dict[str, Any]:
        return _item(*entry, self._json_field)

    async def _next(self, count: int) -> list[_Entry]:
        """Entries, or none within the time a read blocks; a broken connection is made anew."""
        ctx, start = self._ctx, self._start
        consumer = f"{ctx.run_id}:{ctx.node_id}:{ctx.iteration_path}"
        for pause_s in (*_RECONNECT_S, None):
            try:
                if self._connection is None:
                    await self._connect(ctx, self._settings)
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
        place = await place_named(ctx, settings, _PORTS, place_field="database", refusal=BAD_ADDRESS)
        connection = await open_redis(ctx, place)
        try:
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
        return {"read": list[Json](self._read), "count": self.count}

    def restore(self, state: Any) -> None:
        self._held, self.count = list(state["read"]), state["count"]

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
