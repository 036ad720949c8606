"""Signing in at a mail server; nothing is sent."""

from __future__ import annotations

import asyncio
import base64
from typing import cast

from sage_studio.plugins.credential_kinds.trials.trial import TIMEOUT_S, Trial, Verdict, welcome
from sage_studio.plugins.support.places import open_stream
from sage_studio.sdk import Context, text

_MAX_LINES = 100


class _Refused(Exception):
    """What the server said instead of yes."""


async def try_smtp(trial: Trial) -> Verdict:
    """Greeting, encryption as the credential wants it, and AUTH."""
    place = trial.place
    reader, writer = await open_stream(cast(Context, trial), place, "SMTP")
    talk = _Talk(reader, writer)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await talk.expect(220)
            offers = await talk.say("EHLO sage-studio", 250)
            if place.tls == "starttls":
                await talk.say("STARTTLS", 220)
                await writer.start_tls(place.context(), server_hostname=place.host)
                offers = await talk.say("EHLO sage-studio", 250)
            if place.user:
                await _sign_in(talk, offers, place.user, place.password)
            await talk.say("QUIT", 221)
    except _Refused as refusal:
        return Verdict(False, text(f"The mail server said: {refusal}", f"邮件服务器返回：{refusal}"))
    finally:
        writer.close()
    return welcome("SMTP")


async def _sign_in(talk: _Talk, offers: str, user: str, password: str) -> None:
    if "PLAIN" in offers.upper():
        words = _packed(f"\0{user}\0{password}")
        await talk.say(f"AUTH PLAIN {words}", 235)
        return
    await talk.say("AUTH LOGIN", 334)
    await talk.say(_packed(user), 334)
    await talk.say(_packed(password), 235)


def _packed(words: str) -> str:
    return base64.b64encode(words.encode()).decode()


class _Talk:
    """Commands and replies (RFC 5321, 4.2)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, words: str, expected: int) -> str:
        self._writer.write(f"{words}\r\n".encode())
        await self._writer.drain()
        return await self.expect(expected)

    async def expect(self, code: int) -> str:
        """The reply's lines. Raises _Refused for another code."""
        lines: list[str] = []
        while len(lines) < _MAX_LINES:
            line = (await self._reader.readline()).decode("utf-8", "replace").rstrip()
            lines.append(line)
            if not line.startswith(f"{line[:3]}-"):
                break
        if not lines[-1].startswith(str(code)):
            raise _Refused(lines[-1][:200] or "it closed the connection")
        return "\n".join(lines)
