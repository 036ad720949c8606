"""Consumes a RabbitMQ queue."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.queue_source import QueueSource, end_fields, password_field
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.sdk import (
    Context,
    Field,
    NodeError,
    NodeSpec,
    Port,
    Settings,
    text,
)

NOT_INSTALLED = define_error(
    "rabbitmq.not_installed",
    3185,
    en="The package for RabbitMQ is not installed.",
    zh="未安装 RabbitMQ 所需的软件包。",
    hint_en="Install it with: pip install 'sage-studio[queues]'",
    hint_zh="请执行：pip install 'sage-studio[queues]'",
    status=500,
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
LOST = define_error(
    "rabbitmq.lost",
    3187,
    en="RabbitMQ refused or closed the connection: {reason}",
    zh="RabbitMQ 拒绝或关闭了连接：{reason}",
    status=502,
    retryable=True,
)
_TURN_S = 0.5
_AT_ONCE = 500


class RabbitmqConsume(QueueSource):
    """At least once: a message is acknowledged when the checkpoint behind it is committed; what is not
    acknowledged when the connection ends is delivered again, by RabbitMQ itself."""

    spec = NodeSpec(
        id="rabbitmq_consume",
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
            Field(
                name="address",
                label=text("Address", "地址"),
                default="amqp://localhost:5672/",
                required=True,
                placeholder=text("amqp://host:5672/vhost", "amqp://主机:5672/虚拟主机"),
            ),
            Field(name="user", label=text("User", "用户名"), default="guest", max_length=200),
            password_field(text("Holds the password; empty: guest.", "存有密码；留空则使用 guest。")),
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
            *end_fields(text("messages", "条")),
        ),
        summary=text("{queue}", "{queue}"),
        example={
            "config": {"address": "amqp://localhost:5672/", "queue": "orders"},
            "inputs": {},
            "needs": "rabbitmq",
        },
    )

    def __init__(self) -> None:
        super().__init__()
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
        """Raises NodeError ``rabbitmq.lost``."""
        found: list[Any] = []
        try:
            async with asyncio.timeout(_TURN_S):
                found.append(await self._came.get())
        except TimeoutError:
            if self._connection.is_closed or self._channel.is_closed:
                raise NodeError(LOST, {"reason": "it broke off"}) from None
        while found and len(found) < min(most or _AT_ONCE, _AT_ONCE) and not self._came.empty():
            found.append(self._came.get_nowait())
        if found:
            self._last_tag = found[-1].delivery_tag
        return found

    def item_of(self, entry: Any) -> dict[str, Any]:
        return _item(entry)

    async def _connect(self, ctx: Context, settings: Settings) -> None:
        amqp = _library()
        address = urlsplit(settings.text("address"))
        if address.scheme not in {"amqp", "amqps"} or not address.hostname or address.password:
            raise NodeError(BAD_ADDRESS, {"address": address.hostname or address.geturl()[:100]})
        port = address.port or (5671 if address.scheme == "amqps" else 5672)
        user, password = settings.text("user"), await secret_text(ctx, settings.text("credential")) or "guest"
        place = f"{address.hostname}:{port}/{quote(address.path.removeprefix('/'), safe='')}"
        url = f"{address.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place}"

        class Guarded(amqp.TransportFactory):  # type: ignore[misc, name-defined]
            """Connects by way of the host, which checks addresses."""

            async def create(self, url: Any, **_kwargs: Any) -> Any:
                return await ctx.http.connect(str(url.host), port, tls=address.scheme == "amqps")

        try:
            self._connection = await amqp.connect(url, transport_factory=Guarded())
            self._channel = await self._connection.channel()
            await self._channel.basic_qos(prefetch_count=self._prefetch)
            queue = settings.text("queue")
            await self._channel.queue_declare(queue, durable=settings.flag("durable"))
            await self._channel.basic_consume(queue, self._came.put)
        except (amqp.exceptions.AMQPError, OSError) as error:
            raise NodeError(LOST, {"reason": str(error) or type(error).__name__}) from error

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


def _library() -> Any:
    """``aiormq``, the protocol without aio-pika's comforts. Raises NodeError ``rabbitmq.not_installed``."""
    try:
        return importlib.import_module("aiormq")
    except ImportError as error:
        raise NodeError(NOT_INSTALLED) from error


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
        except ValueError:
            item["value"] = None
    return item
