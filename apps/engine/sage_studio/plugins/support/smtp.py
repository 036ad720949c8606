"""As much of SMTP (RFC 5321, 3207, 4954) as sending one message takes, over a guarded connection."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from sage_studio.kernel import ErrorCode, define_error
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    TLS_FAILED,
    WRONG_PROTOCOL,
    Place,
    connecting_failed,
    within,
)
from sage_studio.sdk import Context, NodeError

REFUSED = define_error(
    "email.refused",
    3551,
    en="The mail server does not take the message: {reason}",
    zh="邮件服务器拒收：{reason}",
    hint_en="Check sender and recipients; many servers only take senders of their own domain.",
    hint_zh="请检查发件人和收件人；许多服务器只接受本域发件人。",
    status=502,
)
BUSY = define_error(
    "email.busy",
    3552,
    en="The mail server cannot take the message just now: {reason}",
    zh="邮件服务器暂时无法接收：{reason}",
    hint_en="Trying again later usually helps.",
    hint_zh="请稍后重试。",
    status=503,
    retryable=True,
)
UNKNOWN = define_error(
    "email.unknown",
    3553,
    en="The connection broke off while the message was handed over: it may have been sent or not.",
    zh="移交邮件时连接中断：邮件可能已发送，也可能未发送。",
    hint_en="Look for the message at the recipient or in the server's log before sending it again.",
    hint_zh="重新发送前，请先在收件人处或服务器日志中确认。",
    status=502,
)
NEEDS_TLS = "it offers no encryption (STARTTLS)"
_MAX_LINES, _LINE_BYTES = 100, 4_096
_BLOCK = 64 << 10


@dataclass
class Taken:
    """What became of the recipients; ``refused`` holds the server's words."""

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    said: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        return " ".join(self.lines)[:500]


class SmtpConnection:
    """Signed in and ready for one message; a context manager."""

    def __init__(self, place: Place, timeout_s: float) -> None:
        self._place = place
        self._timeout_s = timeout_s
        self._offers: dict[str, str] = {}

    async def open(self, ctx: Context) -> None:
        """Greeting, encryption as the credential wants it, and sign-in. Raises NodeError."""
        place = self._place
        self._reader, self._writer = await ctx.http.connect(
            place.host, place.port, credential=place.credential
        )
        try:
            async with within(place, self._timeout_s):
                if place.tls == "on":
                    await self._encrypt()
                await self._expect(220, WRONG_PROTOCOL)
                await self._hello()
                if place.tls == "starttls":
                    await self._start_tls()
                if place.user:
                    await self._sign_in()
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise connecting_failed(place, error, "SMTP") from error
        except BaseException:
            self.close()
            raise

    async def send(self, sender: str, recipients: Sequence[str], message: bytes) -> Taken:
        """Raises NodeError ``email.*``; recipients that are refused are told, unless all are."""
        taken = Taken()
        options = f" SIZE={len(message)}" if "SIZE" in self._offers else ""
        if not all(map(str.isascii, (sender, *recipients))):
            if "SMTPUTF8" not in self._offers:
                raise NodeError(REFUSED, {"reason": "it takes only addresses of ASCII letters"})
            options += " SMTPUTF8"
        try:
            async with within(self._place, self._timeout_s):
                await self._say(f"MAIL FROM:<{sender}>{options}", 250, REFUSED)
                reply = Reply(550, ("no recipients",))
                for address in recipients:
                    reply = await self._ask(f"RCPT TO:<{address}>")
                    if reply.code in (250, 251, 252):
                        taken.accepted.append(address)
                    else:
                        taken.refused[address] = reply.words
                if not taken.accepted:
                    raise self._refusal(reply, REFUSED)
                await self._say("DATA", 354, REFUSED)
        except (OSError, EOFError, ValueError) as error:
            raise self._place.error(LOST, error) from error
        taken.said = await self._hand_over(message)
        return taken

    async def _hand_over(self, message: bytes) -> str:
        """From here on nobody can say whether the message was taken until the server does."""
        lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
        stuffed = re.sub(rb"(?m)^\.", b"..", lines)
        try:
            async with within(self._place, self._timeout_s):
                for start in range(0, len(stuffed), _BLOCK):
                    self._writer.write(stuffed[start : start + _BLOCK])
                    await self._writer.drain()
                self._writer.write(b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")
                await self._writer.drain()
                reply = await self._reply()
        except (OSError, EOFError, ValueError, NodeError) as error:
            raise NodeError(UNKNOWN) from error
        if reply.code != 250:
            raise self._refusal(reply, REFUSED)
        return reply.words

    async def quit(self) -> None:
        """Politely, but not for long."""
        try:
            async with asyncio.timeout(2):
                await self._ask("QUIT")
        except (TimeoutError, OSError, EOFError, ValueError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        self._writer.close()

    async def _hello(self) -> None:
        reply = await self._ask("EHLO sage-studio")
        if reply.code != 250:
            reply = await self._say("HELO sage-studio", 250, WRONG_PROTOCOL)
        pairs = (line.partition(" ") for line in reply.lines[1:])
        self._offers = {name.upper(): rest for name, _space, rest in pairs}

    async def _start_tls(self) -> None:
        if "STARTTLS" not in self._offers:
            raise self._place.error(TLS_FAILED, NEEDS_TLS)
        await self._say("STARTTLS", 220, TLS_FAILED)
        if self._reader._buffer:  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio has no other way to ask
            raise self._place.error(TLS_FAILED, "somebody put words in front of the encryption")
        await self._encrypt()
        await self._hello()

    async def _encrypt(self) -> None:
        try:
            await self._writer.start_tls(self._place.context(), server_hostname=self._place.host)
        except (ssl.SSLError, OSError) as error:
            raise connecting_failed(self._place, error, "SMTP") from error

    async def _sign_in(self) -> None:
        offered = self._offers.get("AUTH", "").upper().split()
        user, password = self._place.user, self._place.password
        if "PLAIN" in offered or not offered:
            await self._say(f"AUTH PLAIN {_packed(f'{chr(0)}{user}{chr(0)}{password}')}", 235, LOGIN_REFUSED)
            return
        if "LOGIN" not in offered:
            raise self._place.error(LOGIN_REFUSED, f"it offers only {' '.join(offered)}")
        await self._say("AUTH LOGIN", 334, LOGIN_REFUSED)
        await self._say(_packed(user), 334, LOGIN_REFUSED)
        await self._say(_packed(password), 235, LOGIN_REFUSED)

    async def _say(self, words: str, expected: int, otherwise: ErrorCode) -> Reply:
        reply = await self._ask(words)
        if reply.code != expected:
            raise self._refusal(reply, otherwise)
        return reply

    async def _ask(self, words: str) -> Reply:
        self._writer.write(f"{words}\r\n".encode())
        await self._writer.drain()
        return await self._reply()

    async def _expect(self, code: int, otherwise: ErrorCode) -> None:
        reply = await self._reply()
        if reply.code != code:
            raise self._refusal(reply, otherwise)

    async def _reply(self) -> Reply:
        """Raises ValueError for what is no SMTP."""
        lines: list[str] = []
        while len(lines) < _MAX_LINES:
            try:
                raw = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                raise ValueError("it sends a line without end") from error
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not re.match(r"[2-5]\d\d(?:[ -]|$)", line) or len(raw) > _LINE_BYTES:
                raise ValueError(f"it says {line[:80]!r}")
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), tuple(lines))
        raise ValueError("its answer has no end")

    def _refusal(self, reply: Reply, code: ErrorCode) -> NodeError:
        said = f"{reply.code} {reply.words}"
        if code is REFUSED:
            return NodeError(BUSY if reply.code < 500 else REFUSED, {"reason": said})
        return self._place.error(code, said, protocol="SMTP", retryable=reply.code < 500)


def _packed(words: str) -> str:
    return base64.b64encode(words.encode()).decode()
