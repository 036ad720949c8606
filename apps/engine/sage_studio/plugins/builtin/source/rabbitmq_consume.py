"""Consumes a RabbitMQ queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.addresses import address_fields, keeping_address, place_named
from sage_studio.plugins.support.amqp import open_amqp
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import LOST, Place, ca_field, credential_field
from sage_studio.plugins.support.queue_source import QueueSource, end_fields
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
    "rabbitmq.bad_address",
    3186,
    en="“{address}” is not the address of a RabbitMQ server.",
    zh="“{address}”不是有效的 RabbitMQ 服务器地址。",
    hint_en="Write amqp://host:5672/vhost, or amqps:// for TLS; the password goes into a credential.",
    hint_zh="请填写 amqp://主机:5672/虚拟主机，TLS 使用 amqps://；密码请放入凭据。",
    status=422,
)
NO_QUEUE = define_error(
    "rabbitmq.no_queue",
    3187,
    en="RabbitMQ does not let the queue “{queue}” be read: {reason}",
    zh="RabbitMQ 不允许读取队列“{queue}”：{reason}",
    hint_en="Check its name, whether it is durable, and the rights of the user.",
    hint_zh="请检查队列名称、是否持久化，以及用户权限。",
    status=422,
)
_PORTS = {"amqp": 5672, "amqps": 5671}
_TURN_S = 0.5
_AT_ONCE = 500


class RabbitmqConsume(QueueSource):
    """At least once: a message is acknowledged when the checkpoint behind it is committed; what is not
    acknowledged when the connection ends is delivered again, by RabbitMQ itself."""

    spec = NodeSpec(
        id="rabbitmq_consume",
        version="2.0.0",
        name=text("Consume RabbitMQ queue", "消费 RabbitMQ 队列"),
        description=text(
            "Takes messages from a RabbitMQ queue, one after another.",
            "逐条读取 RabbitMQ 队列中的消息。",
        ),
        category="source",
        icon="mail",
        effect="idempotent",
        outputs=(Port(name="items", type="array<object>", label=text("Messages", "消息"), streams=True),),
        config=(
            credential_field("rabbitmq", "api_key", required=False),
            Field(name="queue", label=text("Queue", "队列"), default="", required=True, max_length=255),
            Field(
                name="durable",
                type="boolean",
                label=text("Durable queue", "持久化队列"),
                help=text("Used when the queue has to be made.", "需要创建队列时使用。"),
                default=True,
                control="switch",
                expert=True,
            ),
            Field(
                name="prefetch",
                type="integer",
                label=text("Unacknowledged at most", "最多未确认条数"),
                help=text(
                    "RabbitMQ sends no more than this between two checkpoints.",
                    "两个检查点之间 RabbitMQ 最多投递的消息数。",
                ),
                default=10_000,
                minimum=1,
                maximum=65_535,
                unit=text("messages", "条"),
                expert=True,
            ),
            ca_field(),
            *address_fields("amqp://host:5672/vhost"),
            *end_fields(text("messages", "条")),
        ),
        summary=text("{queue}", "{queue}"),
        example={
            "config": {"credential": "rabbit", "queue": "orders"},
            "inputs": {},
            "needs": "rabbitmq",
        },
    )

    upgrades = MappingProxyType({"2.0.0": keeping_address("amqp://localhost:5672/", "guest")})

    def __init__(self) -> None:
        super().__init__()
        self._place: Place | None = None
        self._connection: Any = None
        self._channel: Any = None
        self._came: asyncio.Queue[Any] = asyncio.Queue()
        self._prefetch = 0
        self._last_tag = 0
        self._marked_tag = 0
        self._acknowledged_tag = 0

    async def open(self, ctx: Context, settings: Settings) -> None:
        self._prefetch = settings.integer("prefetch")
        await self._connect(ctx, settings)

    @property
    def is_served(self) -> bool:
        """With its window full RabbitMQ is waiting for us, not we for it."""
        return self._last_tag - self._acknowledged_tag < self._prefetch

    async def next_entries(self, most: int | None) -> Sequence[Any]:
        """Raises NodeError ``server.lost``."""
        found: list[Any] = []
        try:
            async with asyncio.timeout(_TURN_S):
                found.append(await self._came.get())
        except TimeoutError:
            if self._connection.is_closed or self._channel.is_closed:
                assert self._place is not None, "opened before"
                raise self._place.error(LOST, "it was closed") from None
        while found and len(found) < min(most or _AT_ONCE, _AT_ONCE) and not self._came.empty():
            found.append(self._came.get_nowait())
        if found:
            self._last_tag = found[-1].delivery_tag
        return found

    def item_of(self, entry: Any) -> dict[str, Any]:
        return _item(entry)

    async def _connect(self, ctx: Context, settings: Settings) -> None:
        self._place = await place_named(ctx, settings, _PORTS, place_field="vhost", refusal=BAD_ADDRESS)
        self._connection = await open_amqp(ctx, self._place)
        errors = library("aiormq.exceptions", "queues")
        queue = settings.text("queue")
        try:
            self._channel = await self._connection.channel()
            await self._channel.basic_qos(prefetch_count=self._prefetch)
            await self._channel.queue_declare(queue, durable=settings.flag("durable"))
            await self._channel.basic_consume(queue, self._came.put)
        except errors.AMQPChannelError as error:
            facts = {"queue": queue, "reason": str(error)[:500]}
            raise NodeError(NO_QUEUE, dict(facts), path="config.queue") from error
        except (errors.AMQPError, OSError) as error:
            raise self._place.error(LOST, error) from error

    def snapshot(self) -> Json:
        self._marked_tag = self._last_tag
        return {"count": self.count}

    def restore(self, state: Any) -> None:
        self.count = state["count"]

    async def committed(self) -> None:
        tag = self._marked_tag
        if tag > self._acknowledged_tag and self._channel is not None and not self._channel.is_closed:
            self._acknowledged_tag = tag
            await self._channel.basic_ack(tag, multiple=True)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


def _item(message: Any) -> dict[str, Any]:
    """A message as ``{id, routing_key, headers, text, value?}``; ``value`` when the body is JSON."""
    body = message.body.decode("utf-8", "replace")
    about = message.header.properties
    item: dict[str, Any] = {
        "id": about.message_id,
        "routing_key": message.routing_key,
        "redelivered": bool(message.redelivered),
        "headers": {str(name): str(value) for name, value in (about.headers or {}).items()},
        "text": body,
    }
    if "json" in (about.content_type or "") or body[:1] in {"{", "["}:
        try:
            item["value"] = json.loads(body)
        except (ValueError, RecursionError):
            item["value"] = None
    return item
