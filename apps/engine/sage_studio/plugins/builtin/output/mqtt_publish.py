"""Publishes messages to an MQTT broker."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.mqtt import lost, mqtt_client, qos_field
from sage_studio.plugins.support.places import (
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

BAD_TOPIC = define_error(
    "mqtt.bad_topic",
    3584,
    en="“{topic}” is not a topic that can be published to.",
    zh="“{topic}”不是可发布的主题。",
    hint_en="Topics are not empty and hold no + or #.",
    hint_zh="主题不能为空，且不能包含 + 或 #。",
    status=422,
)


class MqttPublish(QueueSink):
    """With quality 1 and 2 each message is confirmed by the broker."""

    spec = NodeSpec(
        id="mqtt_publish",
        name=text("Publish to MQTT", "发布到 MQTT"),
        description=text("Publishes a message to a topic for each item.", "为每一项向主题发布一条消息。"),
        category="output",
        icon="mail",
        effect="at_most_once",
        inputs=SINK_INPUTS,
        outputs=SINK_OUTPUTS,
        config=(
            credential_field("mqtt"),
            item_field("topic", "Topic", "主题", default="", required=True),
            message_field(),
            qos_field("How sure it must be that the broker has it.", "确保消息送达代理的程度。"),
            Field(
                name="retain",
                type="boolean",
                label=text("Retain", "保留消息"),
                help=text("New subscribers get the last one at once.", "新订阅者会立即收到最后一条消息。"),
                default=False,
                control="switch",
            ),
            timeout_field(30),
            ca_field(),
        ),
        summary=text("{topic}", "{topic}"),
        default_timeout_s=3_600,
        example={
            "config": {"credential": "broker", "topic": "home/lamp"},
            "inputs": {"items": ["on"]},
            "needs": "mqtt",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def open(self, ctx: Context, settings: Settings) -> None:
        self._place: Place = await place_of(ctx, settings, 1883)
        name = hashlib.sha256(f"{ctx.idempotency_key}:publish".encode()).hexdigest()[:20]
        opened = mqtt_client(ctx, self._place, identity=f"sage{name}"[:23], keeps=False)
        self._client = await self._stack.enter_async_context(opened)

    async def send(self, ctx: Context, settings: Settings, messages: Sequence[Message]) -> None:
        fault = library("aiomqtt", "queues").MqttError
        topics = await each_text(settings, "topic", messages)
        for topic in topics:
            if not topic or any(sign in topic for sign in "+#\x00") or len(topic.encode()) > 65_535:
                raise NodeError(BAD_TOPIC, {"topic": topic[:100]}, path="config.topic")
        qos, retain = int(settings.text("qos")), settings.flag("retain")
        limit_s = settings.number("timeout_s")
        try:
            async with within(self._place, limit_s), asyncio.TaskGroup() as group:
                for message, topic in zip(messages, topics, strict=True):
                    sent = self._client.publish(topic, message.body, qos=qos, retain=retain, timeout=limit_s)
                    group.create_task(sent)
        except ExceptionGroup as group:
            error = first_of(group)
            raise lost(self._place, error) if isinstance(error, (fault, OSError)) else error from group

    async def close(self) -> None:
        await self._stack.aclose()
