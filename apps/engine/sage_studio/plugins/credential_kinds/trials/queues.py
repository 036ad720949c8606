"""Signing in at message brokers."""

from __future__ import annotations

import asyncio
import struct
from typing import cast

from sage_studio.plugins.credential_kinds.trials.trial import TIMEOUT_S, Trial, Verdict, not_let_in, welcome
from sage_studio.plugins.support.amqp import open_amqp
from sage_studio.plugins.support.places import open_stream
from sage_studio.sdk import Context, NodeError, text

# What an MQTT 3.1.1 broker answers to CONNECT (section 3.2.2.3).
_MQTT_REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not like the client ID",
    3: "it is not available",
    4: "user or password are wrong",
    5: "the account may not connect",
}


async def try_rabbitmq(trial: Trial) -> Verdict:
    try:
        connection = await open_amqp(cast(Context, trial), trial.place)
    except NodeError as error:
        return not_let_in(error)
    await connection.close()
    return welcome("RabbitMQ")


async def try_mqtt(trial: Trial) -> Verdict:
    """CONNECT, and the broker's answer."""
    place = trial.place
    reader, writer = await open_stream(cast(Context, trial), place, "MQTT")
    try:
        writer.write(_mqtt_connect(trial.fields.get("client_id", ""), place.user, place.password))
        async with asyncio.timeout(TIMEOUT_S):
            answer = await reader.readexactly(4)
        writer.write(b"\xe0\x00")
    finally:
        writer.close()
    if answer[0] == 0x20 and answer[3] == 0:
        return welcome("MQTT")
    reason = (
        _MQTT_REFUSALS.get(answer[3], "it does not speak MQTT") if answer[0] == 0x20 else _MQTT_REFUSALS[1]
    )
    return Verdict(False, text(f"The broker refused: {reason}.", f"服务器拒绝：{reason}。"))


def _mqtt_connect(client_id: str, user: str, password: str) -> bytes:
    flags = 0x02 | (0x80 if user else 0) | (0x40 if user and password else 0)
    words = [client_id, *([user] if user else []), *([password] if user and password else [])]
    payload = b"".join(struct.pack(">H", len(word.encode())) + word.encode() for word in words)
    body = b"\x00\x04MQTT\x04" + bytes([flags]) + b"\x00\x1e" + payload
    size, left = bytearray(), len(body)
    while True:
        left, digit = divmod(left, 128)
        size.append(digit | (0x80 if left else 0))
        if not left:
            return b"\x10" + bytes(size) + body
