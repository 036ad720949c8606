"""Publishes messages to RabbitMQ."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.amqp import open_amqp
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOST,
    Place,
    ca_field,
    credential_field,
    place_of,
    timeout_field,
    within,
)
from sage_studio.plugins.support.queue_sink import (
    SINK_INPUTS,
    SINK_OUTPUTS,
    Message,
    QueueSink,
    each_text,
    first_of,
    item_field,
    message_field,
)
from sage_studio.sdk import Context, Field, NodeError, NodeSpec, Settings, text

UNROUTABLE = define_error(
    "rabbitmq.unroutable",
    3581,
    en="No queue takes messages for “{routing_key}” on the exchange “{exchange}”.",
    zh="交换机“{exchange}”上没有队列接收路由键“{routing_key}”的消息。",
    hint_en="Check routing key and exchange, make the queue, or switch “Must reach a queue” off.",
    hint_zh="请检查路由键与交换机、创建队列或绑定，或关闭“必须到达队列”。",
    status=422,
)
NO_EXCHANGE = define_error(
    "rabbitmq.no_exchange",
    3582,
    en="RabbitMQ does not take the message: {reason}",
    zh="RabbitMQ 未接受消息：{reason}",
    hint_en="Check the exchange's name and the rights of the user.",
    hint_zh="请检查交换机名称及用户权限。",
    status=422,
)


class RabbitmqPublish(QueueSink):
    """Every message is confirmed by RabbitMQ. Its id follows from the attempt's key and its place in the
    input, so that consumers can tell a repeat."""

    spec = NodeSpec(
        id="rabbitmq_publish",
        name=text("Publish to RabbitMQ", "发布到 RabbitMQ"),
        description=text(
            "Publishes a message for each item and waits until RabbitMQ has confirmed it.",
            "为每一项发布一条消息，并等待 RabbitMQ 确认。",
        ),
        category="output",
        icon="mail",
        effect="at_most_once",
        inputs=SINK_INPUTS,
        outputs=SINK_OUTPUTS,
        config=(
            credential_field("rabbitmq"),
            item_field(
                "routing_key", "Queue or routing key", "队列或路由键", default="",
                help=text("With the default exchange: the queue's name.", "使用默认交换机时即为队列名称。"),
            ),
            Field(
                name="exchange",
                label=text("Exchange", "交换机"),
                help=text("Empty: the default exchange.", "留空则使用默认交换机。"),
                default="",
                max_length=255,
            ),
            message_field(),
            Field(
                name="mandatory",
                type="boolean",
                label=text("Must reach a queue", "必须到达队列"),
                help=text("On: it is an error when no queue takes it.", "没有队列接收时视为错误。"),
                default=True,
                control="switch",
            ),
            Field(
                name="persistent",
                type="boolean",
                label=text("Survives a restart", "持久化消息"),
                default=True,
                control="switch",
                expert=True,
            ),
            Field(
                name="headers",
                type="object",
                label=text("Headers", "消息头"),
                default={},
                control="key_value",
                expert=True,
            ),
            timeout_field(30),
            ca_field(),
        ),
        summary=text("{exchange} {routing_key}", "{exchange} {routing_key}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "rabbit", "routing_key": "orders"},
            "inputs": {"items": [{"id": 1}]},
            "needs": "rabbitmq",
        },
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._connection: Any = None
        self._channel: Any = None

    async def open(self, ctx: Context, settings: Settings) -> None:
        self._place: Place = await place_of(ctx, settings, 5672)
        self._connection = await open_amqp(ctx, self._place)
        self._channel = await self._connection.channel(publisher_confirms=True)

    async def send(self, ctx: Context, settings: Settings, messages: Sequence[Message]) -> None:
        errors = library("aiormq.exceptions", "queues")
        keys = await each_text(settings, "routing_key", messages)
        try:
            async with within(self._place, settings.number("timeout_s")), asyncio.TaskGroup() as group:
                for message, key in zip(messages, keys, strict=True):
                    group.create_task(self._publish(ctx, settings, message, key))
        except ExceptionGroup as group:
            raise self._failed(first_of(group), errors) from group

    def _failed(self, error: Exception, errors: Any) -> Exception:
        if isinstance(error, errors.PublishError):
            frame: Any = error.frame
            facts = {"routing_key": str(frame.routing_key), "exchange": str(frame.exchange) or "–"}
            return NodeError(UNROUTABLE, dict(facts), path="config.routing_key")
        if isinstance(error, errors.AMQPChannelError):
            return NodeError(NO_EXCHANGE, {"reason": str(error)[:500]})
        if isinstance(error, (errors.AMQPError, errors.ChannelInvalidStateError, OSError, EOFError)):
            return self._place.error(LOST, error)
        return error

    async def _publish(self, ctx: Context, settings: Settings, message: Message, key: str) -> None:
        spec = library("aiormq", "queues").spec
        identity = hashlib.sha256(f"{ctx.idempotency_key}:{message.number}".encode()).hexdigest()[:32]
        properties = spec.Basic.Properties(
            message_id=identity,
            content_type="application/json" if message.is_json else "text/plain",
            delivery_mode=2 if settings.flag("persistent") else 1,
            headers={name: str(value) for name, value in settings.mapping("headers").items()},
            app_id="sage-studio",
        )
        await self._channel.basic_publish(
            message.body,
            exchange=settings.text("exchange"),
            routing_key=key,
            properties=properties,
            mandatory=settings.flag("mandatory"),
        )

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
