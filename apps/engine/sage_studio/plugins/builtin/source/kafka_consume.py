"""Reads a Kafka topic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.kafka import NO_TOPIC, Brokers, brokers_of
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import ca_field, credential_field
from sage_studio.plugins.support.queue_source import QueueSource, end_fields
from sage_studio.sdk import Choice, Context, Field, NodeError, NodeSpec, Port, Settings, text

_TURN_MS = 500
_AT_ONCE = 500
_START_S = 60.0


class KafkaConsume(QueueSource):
    """Reads all partitions of a topic. How far it has read stands in the run's checkpoints, not at the
    cluster: nothing is lost or given twice when somebody else takes the run up."""

    spec = NodeSpec(
        id="kafka_consume",
        name=text("Consume Kafka topic", "消费 Kafka 主题"),
        description=text("Takes the messages of a Kafka topic as they come.", "持续读取 Kafka 主题的消息。"),
        category="source",
        icon="mail",
        effect="idempotent",
        outputs=(Port(name="items", type="array<object>", label=text("Messages", "消息"), streams=True),),
        config=(
            credential_field("kafka"),
            Field(name="topic", label=text("Topic", "主题"), default="", required=True, max_length=249),
            Field(
                name="start",
                label=text("Begin with", "起始位置"),
                default="earliest",
                control="select",
                expression="never",
                options=(
                    Choice(value="earliest", label=text("The oldest message", "最早的消息")),
                    Choice(value="latest", label=text("What comes from now on", "此后到达的消息")),
                ),
            ),
            ca_field(),
            *end_fields(text("messages", "条")),
        ),
        summary=text("{topic}", "{topic}"),
        example={"config": {"credential": "kafka", "topic": "orders"}, "inputs": {}, "needs": "kafka"},
    )

    def __init__(self) -> None:
        super().__init__()
        self._consumer: Any = None
        self._next: dict[int, int] = {}

    async def open(self, ctx: Context, settings: Settings) -> None:
        kafka = library("aiokafka", "queues")
        self._brokers: Brokers = await brokers_of(ctx, settings)
        topic = settings.text("topic")
        self._consumer = kafka.AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset=settings.text("start"),
            max_poll_records=_AT_ONCE,
            **await self._brokers.options(),
        )
        self._brokers.guard(self._consumer._client)  # noqa: SLF001 - aiokafka shows it for producers only
        try:
            async with self._brokers.within(_START_S):
                await self._consumer.start()
                await self._assign(kafka, topic)
        except (kafka.errors.KafkaError, OSError) as error:
            raise self._brokers.failed(error) from error

    async def _assign(self, kafka: Any, topic: str) -> None:
        """Raises NodeError ``kafka.no_topic``."""
        cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001 - as above
        numbers = sorted(cluster.partitions_for_topic(topic) or ())
        if not numbers:
            raise NodeError(NO_TOPIC, {"topic": topic}, path="config.topic")
        partitions = [kafka.TopicPartition(topic, number) for number in numbers]
        self._consumer.assign(partitions)
        for partition in partitions:
            if partition.partition in self._next:
                self._consumer.seek(partition, self._next[partition.partition])

    async def next_entries(self, most: int | None) -> Sequence[Any]:
        """Raises NodeError ``server.*`` and ``kafka.*``."""
        errors = library("aiokafka.errors", "queues")
        try:
            found = await self._consumer.getmany(
                timeout_ms=_TURN_MS, max_records=min(most or _AT_ONCE, _AT_ONCE)
            )
        except (errors.KafkaError, OSError) as error:
            raise self._brokers.failed(error) from error
        if self._brokers.refusal is not None:
            raise self._brokers.refusal
        entries = [message for messages in found.values() for message in messages]
        for message in entries:
            self._next[message.partition] = message.offset + 1
        return entries

    def item_of(self, entry: Any) -> dict[str, Any]:
        return _item(entry)

    def snapshot(self) -> Json:
        return {"count": self.count, "next": {str(number): at for number, at in self._next.items()}}

    def restore(self, state: Any) -> None:
        self.count = state["count"]
        self._next = {int(number): at for number, at in state["next"].items()}

    async def close(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()


def _item(message: Any) -> dict[str, Any]:
    """A message as ``{topic, partition, offset, at_ms, key, headers, text, value?}``."""
    body = (message.value or b"").decode("utf-8", "replace")
    item: dict[str, Any] = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "at_ms": message.timestamp,
        "key": None if message.key is None else message.key.decode("utf-8", "replace"),
        "headers": {name: (value or b"").decode("utf-8", "replace") for name, value in message.headers},
        "text": body,
    }
    if body[:1] in {"{", "["}:
        try:
            item["value"] = json.loads(body)
        except (ValueError, RecursionError):
            item["value"] = None
    return item
