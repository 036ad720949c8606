"""Receives messages from an MQTT broker."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.mqtt import lost, mqtt_client, qos_field
from sage_studio.plugins.support.places import Place, ca_field, credential_field, place_of
from sage_studio.plugins.support.queue_source import QueueSource, end_fields
from sage_studio.sdk import Choice, Context, Field, NodeError, NodeOutput, NodeSpec, Port, Settings, text

NOT_ALLOWED = define_error(
    "mqtt.not_allowed",
    3585,
    en="The broker does not let this user read “{topic}”.",
    zh="代理不允许该用户订阅“{topic}”。",
    hint_en="Check the topic filter and the user's rights.",
    hint_zh="请检查主题过滤器及用户权限。",
    status=422,
)
_TURN_S = 0.5
_SHORT_TURN_S = 0.05
_LOOK_S = 0.01
_AT_ONCE = 500
_RECONNECT_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class MqttSubscribe(QueueSource):
    """At least once with quality 1: the broker keeps the session of this run, and a message is acknowledged
    when the checkpoint behind it is committed. The session goes when the node has read to its end."""

    spec = NodeSpec(
        id="mqtt_subscribe",
        name=text("Subscribe to MQTT", "订阅 MQTT"),
        description=text("Takes messages of MQTT topics as they come.", "持续接收 MQTT 主题的消息。"),
        category="source",
        icon="mail",
        effect="idempotent",
        outputs=(Port(name="items", type="array<object>", label=text("Messages", "消息"), streams=True),),
        config=(
            credential_field("mqtt"),
            Field(
                name="topics",
                type="array",
                label=text("Topics", "主题"),
                help=text(
                    "With + and # as wildcards; $share/group/topic shares them with other runs.",
                    "可使用 + 和 # 通配符；$share/组/主题 可与其他运行共享消息。",
                ),
                default=[],
                required=True,
                control="list",
                placeholder=text("home/+/temperature", "home/+/temperature"),
            ),
            qos_field(
                "At most what the publisher chose. Only 1 survives a crash of the worker without loss.",
                "不会高于发布方的设置；仅 1 可在工作进程崩溃后不丢消息。",
            ),
            Field(
                name="acknowledge",
                label=text("Acknowledge", "确认时机"),
                help=text(
                    "Brokers send only some messages (Mosquitto: 20) before the first is acknowledged.",
                    "在首条消息被确认前，代理只会发送有限条数（Mosquitto 默认 20 条）。",
                ),
                default="checkpoint",
                control="select",
                expression="never",
                options=(
                    Choice(
                        value="checkpoint",
                        label=text("When it is safe (checkpoint)", "检查点提交后（不丢失）"),
                    ),
                    Choice(value="arrival", label=text("On arrival (faster)", "收到即确认（更快）")),
                ),
                expert=True,
            ),
            ca_field(),
            *end_fields(text("messages", "条")),
        ),
        summary=text("{topics}", "{topics}"),
        example={
            "config": {"credential": "broker", "topics": ["home/+/temperature"]},
            "inputs": {},
            "needs": "mqtt",
        },
    )

    def __init__(self) -> None:
        super().__init__()
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._ctx: Context | None = None
        self._waits: list[tuple[int, int]] = []
        self._marked = 0
        self._is_done = False

    async def open(self, ctx: Context, settings: Settings) -> None:
        self._ctx, self._settings = ctx, settings
        self._place: Place = await place_of(ctx, settings, 1883)
        key = f"{ctx.run_id}:{ctx.node_id}:{ctx.iteration_path}"
        self._identity = "sage" + hashlib.sha256(key.encode()).hexdigest()[:19]
        await self._connect()

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        async for part in super().stream(ctx, inputs):
            yield part
        self._is_done = True

    @property
    def is_served(self) -> bool:
        """A broker that has sent as much as may be unacknowledged is waiting for us, not we for it."""
        return not self._waits

    async def next_entries(self, most: int | None) -> Sequence[Any]:
        """A connection that broke is made anew; what was not acknowledged comes again."""
        fault = library("aiomqtt", "queues").MqttError
        assert self._ctx is not None, "opened before"
        for pause_s in (*_RECONNECT_S, None):
            try:
                if self._client is None:
                    await self._connect()
                return self._noted(await self._came(min(most or _AT_ONCE, _AT_ONCE)))
            except (fault, OSError) as error:
                failure = lost(self._place, error)
            except NodeError as error:
                failure = error
            await self._leave()
            if pause_s is None or not failure.can_retry:
                raise failure
            self._ctx.log("mqtt_reconnects", level="warning", reason=failure.message())
            await asyncio.sleep(pause_s)
        return []

    async def _came(self, most: int) -> list[Any]:
        found: list[Any] = []
        messages = self._client.messages
        turn_s = _TURN_S if self.is_served else _SHORT_TURN_S  # the next checkpoint makes the broker go on
        deadline = asyncio.get_running_loop().time() + turn_s
        while not len(messages) and asyncio.get_running_loop().time() < deadline:
            # Waiting for one with a time limit can lose it: aiomqtt takes it out before it hands it over.
            if self._client._disconnected.done():  # noqa: SLF001 - as above
                raise library("aiomqtt", "queues").MqttError("the connection broke off")
            await asyncio.sleep(_LOOK_S)
        while len(messages) and len(found) < most:
            found.append(await anext(messages))
        return found

    def _noted(self, found: list[Any]) -> list[Any]:
        arrived = [(message.mid, message.qos) for message in found if message.qos]
        if self._settings.text("acknowledge") == "arrival":
            self._acknowledge(arrived)
        else:
            self._waits += arrived
        return found

    def item_of(self, entry: Any) -> dict[str, Any]:
        return _item(entry)

    async def _connect(self) -> None:
        assert self._ctx is not None, "opened before"
        opened = mqtt_client(self._ctx, self._place, identity=self._identity, keeps=True)
        self._client = await self._stack.enter_async_context(opened)
        self._waits, self._marked = [], 0
        for topic in self._settings.texts("topics"):
            granted = await self._client.subscribe(topic, qos=int(self._settings.text("qos")))
            if any(getattr(code, "value", code) >= 128 for code in granted):
                raise NodeError(NOT_ALLOWED, {"topic": topic[:200]}, path="config.topics")

    async def _leave(self) -> None:
        self._client = None
        await self._stack.aclose()

    def snapshot(self) -> Json:
        self._marked = len(self._waits)
        return {"count": self.count}

    def restore(self, state: Any) -> None:
        self.count = state["count"]

    async def committed(self) -> None:
        done, self._waits, self._marked = self._waits[: self._marked], self._waits[self._marked :], 0
        if self._client is not None:
            self._acknowledge(done)

    def _acknowledge(self, messages: Sequence[tuple[int, int]]) -> None:
        for mid, qos in messages:
            self._client._client.ack(mid, qos)  # noqa: SLF001 - paho's own call, which aiomqtt does not show

    async def close(self) -> None:
        """A session that nobody comes back to would fill up at the broker."""
        await self._leave()
        if self._is_done and self._ctx is not None:
            try:
                async with asyncio.timeout(3):
                    async with mqtt_client(self._ctx, self._place, identity=self._identity, keeps=False):
                        pass
            except (NodeError, TimeoutError) as error:
                self._ctx.log("mqtt_session_stays", level="warning", reason=str(error))


def _item(message: Any) -> dict[str, Any]:
    """A message as ``{topic, text, qos, retained, value?, base64?}``; ``value`` when it is JSON, ``base64``
    when it is no text."""
    raw = bytes(message.payload or b"") if not isinstance(message.payload, (int, float)) else b""
    item: dict[str, Any] = {
        "topic": str(message.topic),
        "text": raw.decode("utf-8", "replace"),
        "qos": message.qos,
        "retained": bool(message.retain),
    }
    if "\ufffd" in item["text"]:
        item["base64"] = base64.b64encode(raw).decode()
    elif item["text"][:1] in {"{", "["}:
        try:
            item["value"] = json.loads(raw)
        except (ValueError, RecursionError):
            item["value"] = None
    return item
