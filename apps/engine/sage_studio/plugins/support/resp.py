"""As much of the Redis protocol (RESP 2) as reading and writing streams takes.

Source: https://valkey.io/topics/protocol/. One connection, one command at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

MAX_BULK_BYTES = 64 << 20
REDIS_ERROR = define_error(
    "redis.error",
    3182,
    en="Redis answered: {reason}",
    zh="Redis 返回错误：{reason}",
    hint_en="Check the name of the stream, the credential and its rights.",
    hint_zh="请检查流名称、凭据及其权限。",
    status=502,
)
REDIS_LOST = define_error(
    "redis.lost",
    3183,
    en="The connection to Redis broke off: {reason}.",
    zh="与 Redis 的连接已断开：{reason}。",
    status=502,
    retryable=True,
)


class RespError(Exception):
    """An error reply; its first word is the kind (``BUSYGROUP``, ``NOGROUP``, ``NOAUTH``)."""


class RespConnection:
    """``call`` sends a command and answers its reply: text as str, lists, integers, None."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()

    async def call(self, *words: str | int | bytes, timeout_s: float = 10.0) -> Any:
        """Raises RespError for an error reply, and NodeError ``redis.lost``."""
        try:
            async with self._lock, asyncio.timeout(timeout_s):
                self._writer.write(_packed(words))
                await self._writer.drain()
                reply = await self._reply()
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise NodeError(REDIS_LOST, {"reason": str(error) or type(error).__name__}) from error
        except asyncio.CancelledError:
            self.close()  # the reply is still to come, and would be taken for the next one's
            raise
        if isinstance(reply, RespError):
            raise reply
        return reply

    async def pipeline(
        self, commands: Sequence[Sequence[str | int | bytes]], timeout_s: float = 10.0
    ) -> list[Any]:
        """Many commands in one go; an error reply stands in its place as a RespError. Raises NodeError
        ``redis.lost``."""
        try:
            async with self._lock, asyncio.timeout(timeout_s):
                self._writer.write(b"".join(_packed(tuple(words)) for words in commands))
                await self._writer.drain()
                return [await self._reply() for _ in commands]
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise NodeError(REDIS_LOST, {"reason": str(error) or type(error).__name__}) from error
        except asyncio.CancelledError:
            self.close()
            raise

    async def _reply(self) -> Any:
        line = await self._reader.readuntil(b"\r\n")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode("utf-8", "replace")
        if kind == b"-":
            return RespError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return await self._bulk(int(rest))
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [await self._reply() for _ in range(count)]
        raise ValueError("it does not speak the Redis protocol")

    async def _bulk(self, length: int) -> str | None:
        if length < 0:
            return None
        if length > MAX_BULK_BYTES:
            raise ValueError("a value is too large")
        raw = await self._reader.readexactly(length + 2)
        return raw[:-2].decode("utf-8", "replace")

    def close(self) -> None:
        self._writer.close()


def _packed(words: tuple[str | int | bytes, ...]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(parts)
