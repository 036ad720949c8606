"""Kafka by aiokafka. Brokers are told by other brokers: each is checked before anybody connects to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sage_studio.kernel import SageError, define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    UNREACHABLE,
    NamedContext,
    Place,
    new_context,
    places_of,
    within,
)
from sage_studio.sdk import Context, NodeError, Settings

NO_TOPIC = define_error(
    "kafka.no_topic",
    3587,
    en="The cluster has no topic “{topic}”.",
    zh="集群中没有主题“{topic}”。",
    hint_en="Check its name, or make it first.",
    hint_zh="请检查名称，或先创建该主题。",
    status=422,
)
REFUSED = define_error(
    "kafka.refused",
    3588,
    en="Kafka answered: {reason}",
    zh="Kafka 返回错误：{reason}",
    hint_en="Check the topic, the size of the messages and the rights of the user.",
    hint_zh="请检查主题、消息大小及用户权限。",
    status=502,
)


class Brokers:
    """The credential's servers, and the guard in front of every connection of a client."""

    def __init__(self, ctx: Context, places: list[Place]) -> None:
        self._ctx = ctx
        self._places = places
        self._names: dict[str, str] = {}
        self._context: NamedContext | None = None
        self.refusal: SageError | None = None

    @property
    def first(self) -> Place:
        return self._places[0]

    async def options(self) -> dict[str, Any]:
        """For aiokafka's clients. Raises SageError ``http.*`` and ``credential.*``."""
        place, more = self.first, self.first.more
        if place.tls == "on":
            self._context = new_context(place.host, place.ca)
            self._context.names = self._names
        mechanism = more.get("mechanism") or "none"
        kind = "SSL" if self._context is not None else "PLAINTEXT"
        made: dict[str, Any] = {
            "bootstrap_servers": [await self._checked(entry.host, entry.port) for entry in self._places],
            "security_protocol": kind if mechanism == "none" else f"SASL_{kind}",
            "ssl_context": self._context,
            "client_id": "sage-studio",
            "request_timeout_ms": 20_000,
        }
        if mechanism != "none":
            made |= {
                "sasl_mechanism": mechanism,
                "sasl_plain_username": place.user,
                "sasl_plain_password": place.password,
            }
        return made

    async def _checked(self, host: str, port: int) -> str:
        address = await self._ctx.http.address(host, port, credential=self.first.credential)
        self._names[address] = host
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    def guard(self, client: Any) -> None:
        """From now on the client asks before it connects to a broker that metadata name."""
        connect = client._get_conn  # noqa: SLF001 - the one place where aiokafka opens connections

        async def checked(node_id: Any, **how: Any) -> Any:
            brokers = client.cluster._brokers  # noqa: SLF001
            broker = brokers.get(node_id)
            if broker is not None and broker.host not in self._names:
                try:
                    address = await self._checked(broker.host, broker.port)
                except SageError as error:
                    self.refusal = error
                    return None
                brokers[node_id] = broker._replace(host=address.rpartition(":")[0].strip("[]"))
            return await connect(node_id, **how)

        client._get_conn = checked  # noqa: SLF001

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """A time limit. A broker that was refused is what counts, when nobody else answers."""
        try:
            async with within(self.first, seconds):
                yield
        except NodeError as error:
            raise self.refusal or error from error

    def failed(self, error: Exception) -> SageError:
        if self.refusal is not None:
            return self.refusal
        errors = library("aiokafka.errors", "queues")
        if isinstance(error, (errors.AuthenticationFailedError, errors.TopicAuthorizationFailedError)):
            return self.first.error(LOGIN_REFUSED, error)
        if isinstance(error, errors.KafkaConnectionError):
            return self.first.error(UNREACHABLE, error)
        if isinstance(error, errors.KafkaError):
            retryable = bool(getattr(error, "retriable", False))
            return NodeError(REFUSED, {"reason": str(error)[:500]}, retryable=retryable)
        return self.first.error(LOST, error)


async def brokers_of(ctx: Context, settings: Settings) -> Brokers:
    """Raises NodeError ``server.no_host``."""
    return Brokers(ctx, await places_of(ctx, settings, 9092))
