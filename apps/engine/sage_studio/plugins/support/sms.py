"""Requests to Chinese SMS providers, signed as each of them wants it.

Aliyun: ACS3-HMAC-SHA256 (help.aliyun.com, "V3 version request body & signature"), API Dysmsapi 2017-05-25.
Tencent Cloud: TC3-HMAC-SHA256 (cloud.tencent.com/document/api/382/52071), API sms 2021-01-11.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from sage_studio.plugins.support.http.sending import Request
from sage_studio.sdk import Context

ALIYUN = "https://dysmsapi.aliyuncs.com/"
TENCENT = "https://sms.tencentcloudapi.com/"


@dataclass(frozen=True, slots=True)
class Sms:
    to: str
    sender: str
    template: str
    url: str
    timeout_s: float
    values: Mapping[str, Any] = field(default_factory=dict)
    app_id: str = ""
    region: str = ""


async def aliyun_request(ctx: Context, credential: str, sms: Sms) -> Request:
    key_id, secret, host = await _keys(ctx, credential, sms.url)
    query = {
        "PhoneNumbers": sms.to.removeprefix("+86").removeprefix("+"),
        "SignName": sms.sender,
        "TemplateCode": sms.template,
        "TemplateParam": json.dumps(dict(sms.values), ensure_ascii=False, default=str),
    }
    headers = {
        "host": host,
        "x-acs-action": "SendSms",
        "x-acs-version": "2017-05-25",
        "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": hashlib.sha256(f"{ctx.idempotency_key}{sms.to}".encode()).hexdigest()[:32],
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
    }
    line = aliyun_authorization("POST", query, headers, key_id, secret)
    sent = {name: value for name, value in headers.items() if name != "host"}
    url = f"{sms.url.rstrip('/')}/?{_canonical(query)}"
    return Request(
        method="POST", url=url, headers={**sent, "Authorization": line}, timeout_s=sms.timeout_s, retries=2
    )


def aliyun_authorization(
    method: str, query: Mapping[str, str], headers: Mapping[str, str], key_id: str, secret: str
) -> str:
    names = sorted(headers)
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    signed = ";".join(names)
    request = f"{method}\n/\n{_canonical(query)}\n{lines}\n{signed}\n{headers['x-acs-content-sha256']}"
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={signed},Signature={signature}"


async def tencent_request(ctx: Context, credential: str, sms: Sms) -> Request:
    key_id, secret, host = await _keys(ctx, credential, sms.url)
    number = sms.to if sms.to.startswith("+") else f"+86{sms.to}"
    body = json.dumps(
        {
            "PhoneNumberSet": [number],
            "SmsSdkAppId": sms.app_id,
            "SignName": sms.sender,
            "TemplateId": sms.template,
            "TemplateParamSet": [str(value) for value in sms.values.values()],
        },
        ensure_ascii=False,
    )
    at = int(datetime.now(UTC).timestamp())
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": tencent_authorization(host, body, at, key_id, secret),
        "X-TC-Action": "SendSms",
        "X-TC-Version": "2021-01-11",
        "X-TC-Timestamp": str(at),
        "X-TC-Region": sms.region or "ap-guangzhou",
    }
    return Request(
        method="POST", url=sms.url, headers=headers, content=body.encode(), timeout_s=sms.timeout_s, retries=2
    )


def tencent_authorization(
    host: str, body: str, at: int, key_id: str, secret: str, *, action: str = "sendsms"
) -> str:
    day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
    headers = f"content-type:application/json; charset=utf-8\nhost:{host}\nx-tc-action:{action}\n"
    signed = "content-type;host;x-tc-action"
    request = f"POST\n/\n\n{headers}\n{signed}\n{hashlib.sha256(body.encode()).hexdigest()}"
    scope = f"{day}/sms/tc3_request"
    to_sign = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{secret}".encode()
    for part in (day, "sms", "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return f"TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"


async def _keys(ctx: Context, credential: str, url: str) -> tuple[str, str, str]:
    """Access key id, secret and the host as it is signed."""
    address = urlsplit(url)
    default = 443 if address.scheme == "https" else 80
    fields = await ctx.credential(credential, host=address.hostname or "", port=address.port or default)
    return fields.get("username", ""), fields.get("password", ""), address.netloc


def _canonical(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))
