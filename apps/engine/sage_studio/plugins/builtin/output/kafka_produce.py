"""Sends messages to a Kafka topic."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from sage_studio.plugins.support.kafka import Brokers, brokers_of
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import ca_field, credential_field, timeout_field
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
from sage_studio.sdk import Context, NodeSpec, Settings, text


class KafkaProduce(QueueSink):
    """Every message is confirmed by all replicas in sync. A header names it, so that consumers can tell a
    repeat."""

    spec = NodeSpec(
        id="kafka_produce",
        name=text("Send to Kafka", "发送到 Kafka"),
        description=text(
            "Sends a message to a Kafka topic for each item.", "为每一项向 Kafka 主题发送一条消息。"
        ),
        category="output",
        icon="mail",
        effect="at_most_once",
        inputs=SINK_INPUTS,
        outputs=SINK_OUTPUTS,
        config=(
            credential_field("kafka"),
            item_field("topic", "Topic", "主题", default="", required=True),
            item_field(
                "key",
                "Key",
                "消息键",
                default="",
                help=text("Messages of one key stay in order.", "相同键的消息保持顺序。"),
            ),
            message_field(),
            timeout_field(60),
            ca_field(),
        ),
        summary=text("{topic}", "{topic}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "kafka", "topic": "orders", "key": "{{ item.id }}"},
            "inputs": {"items": [{"id": 1}]},
            "needs": "kafka",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self._producer: Any = None

    async def open(self, ctx: Context, settings: Settings) -> None:
        kafka = library("aiokafka", "queues")
        self._brokers: Brokers = await brokers_of(ctx, settings)
        options = await self._brokers.options()
        self._producer = kafka.AIOKafkaProducer(acks="all", **options)
        self._brokers.guard(self._producer.client)
        try:
            async with self._brokers.within(settings.number("timeout_s")):
                await self._producer.start()
        except (kafka.errors.KafkaError, OSError) as error:
            raise self._brokers.failed(error) from error

    async def send(self, ctx: Context, settings: Settings, messages: Sequence[Message]) -> None:
        errors = library("aiokafka.errors", "queues")
        topics = await each_text(settings, "topic", messages)
        keys = await each_text(settings, "key", messages)
        try:
            async with (
                self._brokers.within(settings.number("timeout_s")),
                asyncio.TaskGroup() as group,
            ):
                for message, topic, key in zip(messages, topics, keys, strict=True):
                    identity = hashlib.sha256(f"{ctx.idempotency_key}:{message.number}".encode())
                    headers = [("message-id", identity.hexdigest()[:32].encode())]
                    sent = self._producer.send_and_wait(
                        topic, message.body, key=key.encode() or None, headers=headers
                    )
                    group.create_task(sent)
        except ExceptionGroup as group_error:
            error = first_of(group_error)
            known = isinstance(error, (errors.KafkaError, OSError))
            raise self._brokers.failed(error) if known else error from group_error

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
