"""Sends text messages through the HTTP interface of a provider."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.common_fields import time_limit
from sage_studio.plugins.support.http.paging import value_at
from sage_studio.plugins.support.http.sending import Request, send
from sage_studio.plugins.support.sms import ALIYUN, TENCENT, Sms, aliyun_request, tencent_request
from sage_studio.sdk import (
    Choice,
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

BAD_NUMBER = define_error(
    "sms_send.bad_number",
    3575,
    en="“{number}” is not a phone number.",
    zh="“{number}”不是有效的手机号。",
    hint_en="Write it with the country's code, such as +8613800138000.",
    hint_zh="请填写带国家代码的号码，例如 +8613800138000。",
    status=422,
)
REFUSED = define_error(
    "sms_send.refused",
    3576,
    en="The provider did not take the message to {number}: {reason}",
    zh="服务商未接受发往 {number} 的短信：{reason}",
    hint_en="Check the account, the sender or signature, and the number.",
    hint_zh="请检查账号、签名或发送方以及号码。",
    status=502,
)
_NUMBER = re.compile(r"\+?[0-9]{5,15}")
_TEMPLATED = ("aliyun", "tencent")


class SmsSend(Node):
    """One message per number. Providers know no key by which they would recognise a repeat, so after a crash
    a person decides."""

    spec = NodeSpec(
        id="sms_send",
        name=text("Send SMS", "发送短信"),
        description=text(
            "Sends text messages through Twilio, Aliyun, Tencent Cloud or another provider's HTTP interface.",
            "通过 Twilio、阿里云、腾讯云或其他服务商的 HTTP 接口发送短信。",
        ),
        category="output",
        icon="chat",
        effect="at_most_once",
        inputs=(Port(name="value", type="any", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="sent", type="array<object>", label=text("Sent", "已发送")),
            Port(name="refused", type="array<object>", label=text("Refused", "被拒绝")),
        ),
        config=(
            Field(
                name="provider",
                label=text("Provider", "服务商"),
                default="twilio",
                control="select",
                expression="never",
                options=(
                    Choice(value="twilio", label=text("Twilio", "Twilio")),
                    Choice(value="aliyun", label=text("Aliyun", "阿里云")),
                    Choice(value="tencent", label=text("Tencent Cloud", "腾讯云")),
                    Choice(value="generic", label=text("Another (JSON over HTTP)", "其他（HTTP JSON）")),
                ),
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                help=text(
                    "User and password: account SID and token (Twilio), or access key ID and secret.",
                    "用户名和密码：Twilio 为 Account SID 与 Token，其余为 AccessKey ID 与 Secret。",
                ),
                default="",
                required=True,
                control="credential",
                credential_kinds=("basic", "bearer", "api_key"),
                expression="never",
            ),
            Field(
                name="url",
                label=text("Address", "接口地址"),
                help=text("Empty: the provider's own.", "留空则使用服务商的默认地址。"),
                default="",
                max_length=2_000,
                expert=True,
            ),
            Field(
                name="to",
                type="any",
                label=text("To", "收件号码"),
                help=text("Several with commas between, or a list.", "多个号码以逗号分隔，或使用列表。"),
                default="",
                required=True,
                wireable=True,
                control="text",
            ),
            Field(
                name="text",
                label=text("Text", "内容"),
                default="",
                control="textarea",
                max_length=2_000,
                wireable=True,
                show_when={"provider": ("twilio", "generic")},
            ),
            Field(
                name="sender",
                label=text("From", "发送方"),
                help=text(
                    "A number or name at Twilio; the approved signature at Aliyun and Tencent.",
                    "Twilio 为号码或名称；阿里云和腾讯云为已审核的短信签名。",
                ),
                default="",
                max_length=200,
            ),
            Field(
                name="template",
                label=text("Template", "模板"),
                default="",
                max_length=100,
                show_when={"provider": _TEMPLATED},
            ),
            Field(
                name="template_values",
                type="object",
                label=text("Values of the template", "模板变量"),
                help=text("At Tencent in the template's order.", "腾讯云按模板中的顺序填写。"),
                default={},
                control="key_value",
                show_when={"provider": _TEMPLATED},
            ),
            Field(
                name="app_id",
                label=text("App ID", "应用 ID"),
                default="",
                max_length=100,
                show_when={"provider": ("tencent",)},
            ),
            Field(
                name="region",
                label=text("Region", "地域"),
                default="",
                max_length=100,
                expert=True,
                show_when={"provider": _TEMPLATED},
            ),
            Field(
                name="id_path",
                label=text("Place of the message's ID", "消息 ID 的位置"),
                default="id",
                max_length=200,
                expert=True,
                show_when={"provider": ("generic",)},
            ),
            time_limit(30, most=300),
        ),
        summary=text("{to}", "{to}"),
        default_timeout_s=900,
        example={
            "config": {
                "credential": "twilio",
                "to": "+8613800138000",
                "text": "Ready",
                "sender": "+15005550006",
            },
            "inputs": {},
            "needs": "http",
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        provider = settings.text("provider")
        sent: list[dict[str, Json]] = []
        refused: list[dict[str, Json]] = []
        for number in _numbers(settings.texts("to")):
            request = await _request(ctx, settings, provider, number)
            response = await send(ctx, request)
            message_id, reason = _verdict(provider, response, settings)
            if reason:
                refused.append({"to": number, "reason": reason})
            else:
                sent.append({"to": number, "id": message_id})
        if refused and not sent:
            raise NodeError(REFUSED, {"number": refused[0]["to"], "reason": refused[0]["reason"]})
        ctx.log("sms_sent", sent=len(sent), refused=len(refused))
        return {"sent": sent, "refused": refused}


def _numbers(listed: list[str]) -> list[str]:
    """Raises NodeError ``sms_send.bad_number``."""
    plain = [re.sub(r"[\s().-]", "", number) for number in listed]
    for number, given in zip(plain, listed, strict=True):
        if not _NUMBER.fullmatch(number):
            raise NodeError(BAD_NUMBER, {"number": given[:50]}, path="config.to")
    if not plain:
        raise NodeError(BAD_NUMBER, {"number": ""}, path="config.to")
    return list(dict.fromkeys(plain))


async def _request(ctx: Context, settings: Settings, provider: str, number: str) -> Request:
    """Repeated only where the provider says that it did nothing."""
    sms = Sms(
        to=number,
        sender=settings.text("sender"),
        template=settings.text("template"),
        values=settings.mapping("template_values"),
        app_id=settings.text("app_id"),
        region=settings.text("region"),
        url=settings.text("url") or {"aliyun": ALIYUN, "tencent": TENCENT}.get(provider, ""),
        timeout_s=settings.number("timeout_s"),
    )
    credential = settings.text("credential")
    if provider == "aliyun":
        return await aliyun_request(ctx, credential, sms)
    if provider == "tencent":
        return await tencent_request(ctx, credential, sms)
    if provider == "twilio":
        return await _twilio(ctx, settings, sms)
    body = {"to": number, "from": sms.sender, "text": settings.text("text")}
    return Request(
        method="POST", url=sms.url, headers={"Content-Type": "application/json"},
        content=json.dumps(body, ensure_ascii=False).encode(), credential=credential,
        timeout_s=sms.timeout_s, retries=2,
    )  # fmt: skip


async def _twilio(ctx: Context, settings: Settings, sms: Sms) -> Request:
    base = (sms.url or "https://api.twilio.com").rstrip("/")
    fields = await _account(ctx, settings.text("credential"), base)
    account = fields.get("username", "")
    form = {"To": sms.to, "Body": settings.text("text")}
    form["MessagingServiceSid" if sms.sender.startswith("MG") else "From"] = sms.sender
    return Request(
        method="POST", url=f"{base}/2010-04-01/Accounts/{account}/Messages.json",
        headers={"Content-Type": "application/x-www-form-urlencoded"}, content=urlencode(form).encode(),
        credential=settings.text("credential"), timeout_s=sms.timeout_s, retries=2,
    )  # fmt: skip


async def _account(ctx: Context, credential: str, url: str) -> Mapping[str, str]:
    from_url = re.match(r"https?://([^/:]+)(?::(\d+))?", url)
    host, port = (from_url[1], from_url[2]) if from_url else ("", None)
    return await ctx.credential(credential, host=host, port=int(port) if port else None)


def _verdict(provider: str, response: HttpResponse, settings: Settings) -> tuple[Json, str]:
    """The message's id, or why it was refused."""
    try:
        body: Any = json.loads(response.content)
    except (ValueError, RecursionError):
        body = {}
    if provider == "aliyun":
        code = str(value_at(body, "Code") or response.status)
        return value_at(body, "BizId"), "" if code == "OK" else f"{code}: {value_at(body, 'Message')}"
    if provider == "tencent":
        problem = value_at(body, "Response.Error")
        status = value_at(body, "Response.SendStatusSet.0")
        if isinstance(problem, Mapping):
            return None, f"{problem.get('Code')}: {problem.get('Message')}"
        code = str(value_at(status, "Code") if status else response.status)
        return value_at(status, "SerialNo"), "" if code == "Ok" else f"{code}: {value_at(status, 'Message')}"
    if response.status >= 300:
        said = value_at(body, "message") or value_at(body, "error") or f"status {response.status}"
        return None, str(said)[:300]
    return value_at(body, "sid" if provider == "twilio" else settings.text("id_path")), ""
