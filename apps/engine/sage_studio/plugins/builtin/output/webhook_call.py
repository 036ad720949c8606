"""Calls a webhook, signed so that the receiver can tell who called."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.kernel import SageError, define_error
from sage_studio.plugins.credential_kinds.placing import webhook_signature
from sage_studio.plugins.support.common_fields import HEADERS, time_limit, tries_again
from sage_studio.plugins.support.http.sending import LONGEST_WAIT_S, backoff_s
from sage_studio.sdk import (
    Context,
    Field,
    HttpResponse,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

REFUSED = define_error(
    "webhook_call.refused",
    3573,
    en="{host} did not take the message: status {status}.",
    zh="{host} 未接受消息：状态码 {status}。",
    hint_en="Check the address; 401 and 403 usually mean another signing secret; 410: it wants no more.",
    hint_zh="请检查网址；401 或 403 通常表示签名密钥不一致，410 表示对方已停止接收。",
    status=502,
)
TOO_LARGE = define_error(
    "webhook_call.too_large",
    3574,
    en="The message is larger than {limit_mb} MB.",
    zh="消息超过 {limit_mb} MB。",
    hint_en="Send a link or the part that matters.",
    hint_zh="请改为发送链接或必要的部分。",
    status=422,
)
_LIMIT_MB = 20
_FATAL = frozenset({400, 401, 403, 404, 405, 410, 411, 413, 415, 422})


class WebhookCall(Node):
    """Signed as Standard Webhooks says. Every attempt carries the same id, by which a receiver knows what it
    has taken already: so a message may be sent again."""

    spec = NodeSpec(
        id="webhook_call",
        name=text("Call webhook", "调用 Webhook"),
        description=text(
            "Sends JSON to an address, signed as the Standard Webhooks specification says.",
            "按 Standard Webhooks 规范签名并向指定网址发送 JSON。",
        ),
        category="output",
        icon="webhook",
        gives_all=True,
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("Data", "数据"), required=True),),
        outputs=(
            Port(name="status", type="integer", label=text("Status", "状态码")),
            Port(name="answer", type="string", label=text("Answer", "响应内容")),
            Port(name="message_id", type="string", label=text("Message ID", "消息 ID")),
        ),
        config=(
            Field(
                name="url",
                label=text("Address", "网址"),
                default="",
                required=True,
                max_length=4_000,
                placeholder=text("https://example.org/hooks/orders", "https://example.org/hooks/orders"),
            ),
            Field(
                name="credential",
                label=text("Signing secret", "签名密钥"),
                help=text(
                    "The receiver knows it too. Without one the message is not signed.",
                    "接收方也持有该密钥；不选择则不签名。",
                ),
                default="",
                control="credential",
                credential_kinds=("signing_secret",),
                expression="never",
            ),
            Field(
                name="type",
                label=text("Event type", "事件类型"),
                help=text(
                    "With one, the data are sent as {type, timestamp, data}; without, as they are.",
                    "填写后以 {type, timestamp, data} 结构发送；留空则原样发送。",
                ),
                default="",
                max_length=200,
                placeholder=text("order.paid", "order.paid"),
            ),
            HEADERS,
            tries_again(4, most=20),
            time_limit(20, most=120),
        ),
        summary=text("{url}", "{url}"),
        default_timeout_s=1_800,
        example={
            "config": {"url": "https://example.org/hooks"},
            "inputs": {"value": {"a": 1}},
            "needs": "http",
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        message_id = "msg_" + hashlib.sha256(ctx.idempotency_key.encode()).hexdigest()[:32]
        body = _body(settings, inputs.get("value"))
        retries = settings.integer("retries")
        for attempt in range(retries + 1):
            wait_s = backoff_s(attempt)
            try:
                response = await _send(ctx, settings, body, message_id)
            except SageError as error:
                if attempt == retries or not error.can_retry:
                    raise
                ctx.log("webhook_again", level="warning", reason=error.code.code, wait_s=wait_s)
            else:
                if response.status < 300:
                    answer = response.text()[:10_000]
                    return {"status": response.status, "answer": answer, "message_id": message_id}
                if attempt == retries or response.status in _FATAL or response.status < 400:
                    raise _refusal(response)
                wait_s = min(retry_after_s(response.headers), LONGEST_WAIT_S) or wait_s
                ctx.log("webhook_again", level="warning", status=response.status, wait_s=wait_s)
            await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")


def _body(settings: Settings, value: Any) -> bytes:
    """Raises NodeError ``webhook_call.too_large``."""
    kind = settings.text("type")
    if kind:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        value = {"type": kind, "timestamp": now, "data": value}
    body = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":")).encode()
    if len(body) > _LIMIT_MB * 1_000_000:
        raise NodeError(TOO_LARGE, {"limit_mb": _LIMIT_MB})
    return body


async def _send(ctx: Context, settings: Settings, body: bytes, message_id: str) -> HttpResponse:
    url, credential = settings.text("url").strip(), settings.text("credential")
    headers = {name: str(value) for name, value in settings.mapping("headers").items()}
    headers |= {"Content-Type": "application/json", "webhook-id": message_id}
    if credential:
        address = urlsplit(url)
        port = address.port or (443 if address.scheme == "https" else 80)
        fields = await ctx.credential(credential, host=address.hostname or "", port=port)
        headers |= webhook_signature(fields.get("secret", ""), body, message_id=message_id)
    return await ctx.http.request(
        "POST", url, headers=headers, content=body, timeout_s=settings.number("timeout_s"), follow=False,
        max_bytes=1 << 20,
    )  # fmt: skip


def _refusal(response: HttpResponse) -> NodeError:
    host = urlsplit(response.url).hostname or "?"
    retryable = response.status >= 500 or response.status in {408, 409, 425, 429}
    return NodeError(REFUSED, {"host": host, "status": response.status}, retryable=retryable)
