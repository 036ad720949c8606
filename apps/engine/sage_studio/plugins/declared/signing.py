"""Signatures and bodies that no declaration can say: named here, used by service files."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from sage_studio.kernel import Json


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature adds to a request."""

    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Json] = field(default_factory=dict)


def _hmac(key: str, message: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()).decode()


def dingtalk(secret: str, now: float) -> Signature:
    """Of robots: milliseconds and secret, signed with the secret (open.dingtalk.com, “robot security”)."""
    stamp = str(int(now * 1000))
    return Signature(query={"timestamp": stamp, "sign": _hmac(secret, f"{stamp}\n{secret}")})


def feishu(secret: str, now: float) -> Signature:
    """Of robots: nothing, signed with seconds and secret (open.feishu.cn, “custom bot”)."""
    stamp = str(int(now))
    return Signature(body={"timestamp": stamp, "sign": _hmac(f"{stamp}\n{secret}", "")})


SIGNERS: Mapping[str, Callable[[str, float], Signature]] = {"dingtalk": dingtalk, "feishu": feishu}


def gmail(values: Mapping[str, Any]) -> Json:
    """An e-mail as Gmail takes it: the whole message (RFC 5322) in URL-safe base64."""
    message = EmailMessage()
    for header, name in (("To", "to"), ("Cc", "cc"), ("Bcc", "bcc"), ("Subject", "subject")):
        if values.get(name):
            message[header] = " ".join(str(values[name]).splitlines())
    content = str(values.get("text") or "")
    message.set_content(content)
    if values.get("html"):
        message.add_alternative(str(values["html"]), subtype="html")
    return {"raw": base64.urlsafe_b64encode(message.as_bytes()).decode()}


def gmail_draft(values: Mapping[str, Any]) -> Json:
    return {"message": gmail(values)}


MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Json]] = {"gmail": gmail, "gmail_draft": gmail_draft}
