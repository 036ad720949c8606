"""What every node that gives to a queue has in common: one message per item, sent in order, confirmed."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import Json
from sage_studio.sdk import Chunk, Context, Field, NodeOutput, Port, Settings, StreamNode, text

_AT_ONCE = 200
SINK_INPUTS = (
    Port(
        name="items",
        type="any",
        label=text("Messages", "消息"),
        description=text("One, or a list with one message per item.", "单条消息，或每项一条消息的列表。"),
        required=True,
        streams=True,
    ),
)
SINK_OUTPUTS = (
    Port(name="items", type="array<any>", label=text("Messages", "消息"), streams=True),
    Port(name="count", type="integer", label=text("Sent", "已发送")),
)


def message_field() -> Field:
    return Field(
        name="message",
        type="any",
        label=text("Message", "消息内容"),
        help=text(
            "What is sent for each item; empty: the item itself. Objects are sent as JSON.",
            "每项发送的内容，留空则发送该项本身；对象以 JSON 发送。",
        ),
        default=None,
        control="code",
        expression="item",
        hands_over=True,
        placeholder=text("{{ item.order }}", "{{ item.order }}"),
    )


def item_field(name: str, en: str, zh: str, **more: Any) -> Field:
    """Text that may differ from item to item."""
    return Field(name=name, label=text(en, zh), expression="item", hands_over=True, max_length=2_000, **more)


@dataclass(frozen=True, slots=True)
class Message:
    """``number`` counts from 0 over the whole input."""

    number: int
    item: Any
    body: bytes
    is_json: bool


class QueueSink(StreamNode):
    """A stream goes on as it came, once it is confirmed. What a crash leaves unconfirmed in a checkpoint is
    sent again: receivers that must not see it twice look at the message's id."""

    def __init__(self) -> None:
        self.count = 0

    @abstractmethod
    async def open(self, ctx: Context, settings: Settings) -> None:
        """Connect."""

    @abstractmethod
    async def send(self, ctx: Context, settings: Settings, messages: Sequence[Message]) -> None:
        """Hand over, and wait until all are confirmed. Raises NodeError."""

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        given = inputs.get("items")
        items = given if isinstance(given, list) else [] if given is None else [given]
        await self.open(ctx, settings)
        for start in range(0, len(items), _AT_ONCE):
            await self._send(ctx, settings, items[start : start + _AT_ONCE])
            ctx.progress(self.count, len(items))
        return {"items": items, "count": self.count}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        await self.open(ctx, settings)
        async for chunk in inputs["items"].chunks():
            for start in range(0, len(chunk), _AT_ONCE):
                part = list(chunk[start : start + _AT_ONCE])
                await self._send(ctx, settings, part)
                yield {"items": Chunk(part)}
        yield {"count": self.count}

    async def _send(self, ctx: Context, settings: Settings, items: list[Any]) -> None:
        chosen = items
        if settings.raw("message") not in (None, ""):
            chosen = await settings.over("message")(items, self.count)
        messages = [
            Message(self.count + at, item, *_body(value))
            for at, (item, value) in enumerate(zip(items, chosen, strict=True))
        ]
        await self.send(ctx, settings, messages)
        self.count += len(items)

    def snapshot(self) -> Json:
        return {"count": self.count}

    def restore(self, state: Any) -> None:
        self.count = state["count"]


async def each_text(settings: Settings, name: str, messages: Sequence[Message]) -> list[str]:
    """A field of texts, for every message."""
    first = messages[0].number if messages else 0
    made = await settings.over(name)([message.item for message in messages], first)
    return ["" if value is None else str(value) for value in made]


def _body(value: Any) -> tuple[bytes, bool]:
    if isinstance(value, str):
        return value.encode(), False
    if isinstance(value, (bytes, bytearray)):
        return bytes(value), False
    return json.dumps(value, ensure_ascii=False, default=str).encode(), True


def first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The failure that ended a task group."""
    found: Exception = group
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found
