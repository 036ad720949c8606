"""The door at which processes on other machines report, and those who knock at it without a token."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from sage_studio.engine.executors.callback import CallbackDoor
from sage_studio.engine.executors.frames import HEADER_BYTES, Message, encode
from sage_studio.engine.executors.home import HELLO
from sage_studio.engine.executors.values import pack


@pytest.mark.parametrize(
    "greeting",
    [
        (100 << 20).to_bytes(HEADER_BYTES, "big"),
        encode(Message("tell", 0, HELLO, pack({"protocol": 1, "token": "guessed"}))),
        encode(Message("tell", 0, HELLO, pack({"protocol": 1, "token": "\ud800"}))),
    ],
)
async def test_whoever_shows_no_token_is_sent_away_at_once_and_fills_no_memory(greeting: bytes) -> None:
    door = CallbackDoor("127.0.0.1")
    await door.open()
    try:
        secure = ssl.create_default_context(cadata=door.authority)
        secure.check_hostname = False
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=secure)
        writer.write(greeting)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
    finally:
        await door.close()
