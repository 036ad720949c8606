"""Connections to MQTT brokers by aiomqtt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    UNREACHABLE,
    WRONG_PROTOCOL,
    Place,
    checked_address,
    connecting_failed,
    new_context,
)
from sage_studio.sdk import Choice, Context, Field, NodeError, text

_ANSWER_S = 10.0
_MANY = 1_000_000


def qos_field(en: str, zh: str) -> Field:
    return Field(
        name="qos",
        label=text("Quality of service", "服务质量（QoS）"),
        help=text(en, zh),
        default="1",
        control="select",
        expression="never",
        options=(
            Choice(value="0", label=text("0: at most once", "0：至多一次")),
            Choice(value="1", label=text("1: at least once", "1：至少一次")),
            Choice(value="2", label=text("2: exactly once on the way", "2：传输中恰好一次")),
        ),
    )


@asynccontextmanager
async def mqtt_client(ctx: Context, place: Place, *, identity: str, keeps: bool) -> AsyncIterator[Any]:
    """A connected client. With ``keeps`` the broker holds what comes for ``identity`` while nobody is there,
    and acknowledging is left to the caller. Raises NodeError ``server.*`` and SageError ``http.*``."""
    aiomqtt = library("aiomqtt", "queues")
    address = await checked_address(ctx, place)
    encryption = new_context(place.host, place.ca) if place.tls == "on" else None
    client = aiomqtt.Client(
        address,
        place.port,
        username=place.user or None,
        password=place.password or None,
        identifier=place.more.get("client_id") or identity,
        clean_session=not keeps,
        timeout=_ANSWER_S,
        tls_context=encryption,
        keepalive=30,
        max_inflight_messages=1_000,
    )
    client.pending_calls_threshold = _MANY
    client._client.manual_ack_set(keeps)  # noqa: SLF001 - paho's own switch, which aiomqtt does not show
    try:
        await client.__aenter__()
    except (aiomqtt.MqttError, OSError, EOFError, ValueError) as error:
        if encryption is not None:
            encryption.close_latest()
        raise _refused(place, error) from error
    try:
        yield client
    finally:
        await _left(client, aiomqtt.MqttError)


async def _left(client: Any, fault: type[Exception]) -> None:
    """Whether the broker still hears the goodbye does not matter."""
    with suppress(fault, OSError):
        await client.__aexit__(None, None, None)


def lost(place: Place, error: BaseException) -> NodeError:
    return place.error(LOST, error)


def _refused(place: Place, error: Exception) -> NodeError:
    """aiomqtt hides the reason in the cause, and the broker's in a code (MQTT 3.1.1, 3.2.2.3)."""
    said = str(error)
    code = getattr(error, "rc", None)
    value = getattr(code, "value", code)
    if value in {4, 5, 134, 135} or "uthori" in said or "user name" in said:
        return place.error(LOGIN_REFUSED, said)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError):
        return connecting_failed(place, cause, "MQTT")
    if "timed out" in said:
        return place.error(UNREACHABLE, "no answer")
    return place.error(WRONG_PROTOCOL, said, protocol="MQTT")
