"""An e-mail as bytes: addresses checked, headers that cannot be smuggled, files attached."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

BAD_ADDRESS = define_error(
    "email.bad_address",
    3554,
    en="“{address}” is not an e-mail address.",
    zh="“{address}”不是有效的邮箱地址。",
    hint_en="Write name@example.org or Name <name@example.org>.",
    hint_zh="请填写 name@example.org 或 姓名 <name@example.org>。",
    status=422,
)
BAD_HEADER = define_error(
    "email.bad_header",
    3555,
    en="“{name}” of the message holds a line break or is set by the node itself.",
    zh="邮件的“{name}”包含换行，或由节点自动设置。",
    hint_en="Remove the line break; it would add headers to the message.",
    hint_zh="请去除换行，否则会向邮件注入额外的头部。",
    status=422,
)
NO_RECIPIENT = define_error(
    "email.no_recipient",
    3556,
    en="The message has no recipient.",
    zh="邮件没有收件人。",
    status=422,
)
_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x20\x7f]{1,64}@[^\s@<>\"(),:;\\\[\]\x00-\x20\x7f]{1,253}")
_OWN = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "sender", "mime-version",
     "received", "return-path"}
)  # fmt: skip
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,76}")
_BREAK = re.compile(r"[\r\n\x00\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    sender: Address
    to: Sequence[Address]
    cc: Sequence[Address]
    reply_to: Sequence[Address]
    subject: str
    text: str
    html: str
    message_id: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()


def addresses(value: Any, name: str) -> list[Address]:
    """Of a text with commas or a list. Raises NodeError ``email.bad_address`` or ``email.bad_header``."""
    listed = value if isinstance(value, list) else [value] if value else []
    found: list[Address] = []
    for entry in listed:
        said = str(entry).strip()
        if _BREAK.search(said):
            raise NodeError(BAD_HEADER, {"name": name})
        for shown, address in getaddresses([said.replace("；", ",").replace(";", ",").replace("，", ",")]):
            if not _ADDRESS.fullmatch(address):
                raise NodeError(BAD_ADDRESS, {"address": said[:200]})
            found.append(_address(shown, address))
    return found


def _address(shown: str, address: str) -> Address:
    user, _at, domain = address.rpartition("@")
    try:
        return Address(shown, user, domain.encode("idna").decode("ascii"))
    except (UnicodeError, ValueError) as error:
        raise NodeError(BAD_ADDRESS, {"address": address[:200]}) from error


def message_bytes(draft: Draft) -> bytes:
    """CPU-heavy with large files: call it in a thread. Raises NodeError ``email.bad_header``."""
    message = EmailMessage(policy=SMTP.clone(utf8=False))
    _put(message, "Subject", draft.subject)
    message["From"] = draft.sender
    for name, people in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if people:
            message[name] = list(people)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = draft.message_id
    for name, value in draft.headers.items():
        if name.lower() in _OWN or name.lower().startswith("content-") or not _HEADER_NAME.fullmatch(name):
            raise NodeError(BAD_HEADER, {"name": name[:100]})
        _put(message, name, str(value))
    message.set_content(draft.text or ("" if not draft.html else "This message is in HTML."))
    if draft.html:
        message.add_alternative(draft.html, subtype="html")
    for file in draft.attachments:
        main, _slash, sub = file.mime.partition("/")
        if not sub or main in {"multipart", "message"} or not re.fullmatch(r"[\w.+-]+/[\w.+-]+", file.mime):
            main, sub = "application", "octet-stream"
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=_BREAK.sub("_", file.name))
    return message.as_bytes()


def _put(message: EmailMessage, name: str, value: str) -> None:
    if _BREAK.search(value):
        raise NodeError(BAD_HEADER, {"name": name})
    message[name] = value
