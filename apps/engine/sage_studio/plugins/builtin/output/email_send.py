"""Sends an e-mail through a mail server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.messages import (
    NO_RECIPIENT,
    Attachment,
    Draft,
    addresses,
    message_bytes,
)
from sage_studio.plugins.support.places import ca_field, credential_field, place_of, timeout_field
from sage_studio.plugins.support.smtp import SmtpConnection
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Settings, text

TOO_LARGE = define_error(
    "email.too_large",
    3557,
    en="The attachments are larger than {limit_mb} MB together.",
    zh="附件总大小超过 {limit_mb} MB。",
    hint_en="Send a link instead, or raise the limit if the mail server takes more.",
    hint_zh="请改为发送链接；若邮件服务器允许，可提高上限。",
    status=422,
)
_KEY_CHARS = 32


def _people(name: str, en: str, zh: str, *, expert: bool = True, required: bool = False) -> Field:
    return Field(
        name=name,
        type="any",
        label=text(en, zh),
        help=text("Several with commas between, or a list.", "多个地址以逗号分隔，或使用列表。")
        if name == "to"
        else None,
        default="",
        required=required,
        control="text",
        expert=expert,
        wireable=name == "to",
    )


class EmailSend(Node):
    """The message's id follows from the attempt's key, so that a mail server that sees it twice can tell.
    Most do not look: a run that stopped in between asks a person."""

    spec = NodeSpec(
        id="email_send",
        name=text("Send e-mail", "发送邮件"),
        description=text(
            "Sends an e-mail with text, HTML and attachments through your mail server.",
            "通过邮件服务器发送邮件，支持文本、HTML 和附件。",
        ),
        category="output",
        icon="mail",
        effect="at_most_once",
        inputs=(Port(name="value", type="any", label=text("Content", "内容"), use="expressions"),),
        outputs=(
            Port(name="accepted", type="array<string>", label=text("Sent to", "已发送至")),
            Port(name="refused", type="array<object>", label=text("Refused recipients", "被拒收件人")),
            Port(name="message_id", type="string", label=text("Message ID", "邮件 ID")),
        ),
        config=(
            credential_field("smtp"),
            Field(
                name="sender",
                label=text("From", "发件人"),
                help=text("Empty: the sender of the credential.", "留空则使用凭据中的发件人。"),
                default="",
                max_length=500,
                placeholder=text("Name <name@example.org>", "姓名 <name@example.org>"),
            ),
            _people("to", "To", "收件人", expert=False, required=True),
            Field(name="subject", label=text("Subject", "主题"), default="", max_length=900),
            Field(
                name="text",
                label=text("Text", "正文"),
                default="",
                control="textarea",
                shared_text=True,
                wireable=True,
            ),
            Field(
                name="html",
                label=text("HTML", "HTML 正文"),
                help=text(
                    "Shown instead of the text where HTML can be shown.", "支持 HTML 的客户端会显示此内容。"
                ),
                default="",
                control="code",
                shared_text=True,
                wireable=True,
            ),
            Field(
                name="attachments",
                type="any",
                label=text("Attachments", "附件"),
                default=None,
                control="files",
                wireable=True,
            ),
            _people("cc", "Copy (Cc)", "抄送"),
            _people("bcc", "Hidden copy (Bcc)", "密送"),
            _people("reply_to", "Reply to", "回复至"),
            Field(
                name="headers",
                type="object",
                label=text("More headers", "其他头部"),
                default={},
                control="key_value",
                expert=True,
            ),
            Field(
                name="max_mb",
                type="number",
                label=text("Attachments at most", "附件大小上限"),
                default=20,
                minimum=0.001,
                maximum=150,
                unit=text("MB", "MB"),
                expert=True,
            ),
            timeout_field(60),
            ca_field(),
        ),
        summary=text("{to}", "{to}"),
        default_timeout_s=300,
        example={
            "config": {
                "credential": "office mail",
                "to": "Ada <ada@example.org>",
                "subject": "The report is ready",
                "text": "Good morning.",
            },
            "inputs": {},
            "needs": "smtp",
        },
    )

    def __init__(self) -> None:
        self._connection: SmtpConnection | None = None

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        place = await place_of(ctx, settings, 587)
        draft, envelope = await _draft(ctx, settings, str(place.more.get("sender") or ""))
        message = await ctx.in_thread(message_bytes, draft)
        connection = SmtpConnection(place, settings.number("timeout_s"))
        await connection.open(ctx)
        self._connection = connection
        taken = await connection.send(draft.sender.addr_spec, envelope, message)
        await connection.quit()
        ctx.log(
            "email_sent", recipients=len(taken.accepted), refused=len(taken.refused), size_bytes=len(message)
        )
        refused = [{"address": address, "reason": reason} for address, reason in taken.refused.items()]
        return {"accepted": taken.accepted, "refused": refused, "message_id": draft.message_id}

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


async def _draft(ctx: Context, settings: Settings, default_sender: str) -> tuple[Draft, list[str]]:
    """The message, and the addresses of all who get it."""
    sender = addresses(settings.text("sender") or default_sender, "From")
    groups = {name: addresses(settings.raw(name), name) for name in ("to", "cc", "bcc", "reply_to")}
    envelope = list(
        dict.fromkeys(person.addr_spec for name in ("to", "cc", "bcc") for person in groups[name])
    )
    if not envelope:
        raise NodeError(NO_RECIPIENT, path="config.to")
    if len(sender) != 1:
        addresses("–", "From")
    key = hashlib.sha256(ctx.idempotency_key.encode()).hexdigest()[:_KEY_CHARS]
    draft = Draft(
        sender=sender[0],
        to=groups["to"],
        cc=groups["cc"],
        reply_to=groups["reply_to"],
        subject=settings.text("subject"),
        text=settings.text("text"),
        html=settings.text("html"),
        message_id=f"<{key}@{sender[0].domain}>",
        headers=settings.mapping("headers"),
        attachments=await _attachments(ctx, settings),
    )
    return draft, envelope


async def _attachments(ctx: Context, settings: Settings) -> list[Attachment]:
    limit_mb = settings.number("max_mb")
    left, made = int(limit_mb * 1_000_000), []
    for file in settings.files("attachments"):
        parts: list[bytes] = []
        async for block in ctx.files.stream(file):
            left -= len(block)
            if left < 0:
                raise NodeError(TOO_LARGE, {"limit_mb": limit_mb}, path="config.attachments")
            parts.append(block)
        made.append(Attachment(file["name"], file["mime"] or "application/octet-stream", b"".join(parts)))
    return made
