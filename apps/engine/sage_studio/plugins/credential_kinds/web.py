"""Credentials that are put on HTTP requests."""

from __future__ import annotations

from sage_studio.plugins.credential_kinds.support import account, plain, secret
from sage_studio.sdk import CredentialKind, HttpTest, Placement, text

_ROOT = HttpTest(url="/")

API_KEY = CredentialKind(
    id="api_key",
    name=text("API key in a header", "API 密钥（请求头）"),
    description=text(
        "Sent in a header, “Authorization: Bearer …” unless you say otherwise. Without hosts it stays in the "
        "worker, as the password of a document does.",
        "通过请求头发送，默认“Authorization: Bearer …”。不指定主机时仅在工作进程内使用，例如文档密码。",
    ),
    fields=(
        secret("api_key", text("Key", "密钥")),
        plain("header", text("Header", "请求头"), default="Authorization", expert=True),
        plain(
            "prefix",
            text("Word before the key", "密钥前缀"),
            help=text("Usually Bearer; empty for none.", "通常为 Bearer，可留空。"),
            default="Bearer",
            expert=True,
        ),
    ),
    placement=Placement(how="header", field="api_key", name_field="header", prefix_field="prefix"),
    hosts_use="optional",
    test=_ROOT,
)

BEARER = CredentialKind(
    id="bearer",
    name=text("Bearer token", "Bearer 令牌"),
    description=text("Sent as “Authorization: Bearer …”.", "以“Authorization: Bearer …”发送。"),
    fields=(secret("token", text("Token", "令牌")),),
    placement=Placement(how="bearer", field="token"),
    test=_ROOT,
)

BASIC = CredentialKind(
    id="basic",
    name=text("User and password", "用户名和密码"),
    description=text("HTTP Basic authentication.", "HTTP Basic 认证。"),
    icon="lock",
    fields=account(),
    placement=Placement(how="basic", field="password"),
    test=_ROOT,
)

QUERY_KEY = CredentialKind(
    id="query_key",
    name=text("API key in the address", "API 密钥（查询参数）"),
    description=text(
        "Added to the address as a parameter, for services that want it there.",
        "作为查询参数附加到网址，适用于此类服务。",
    ),
    fields=(
        secret("api_key", text("Key", "密钥")),
        plain("parameter", text("Parameter", "参数名"), default="api_key", required=True),
    ),
    placement=Placement(how="query", field="api_key", name_field="parameter"),
    test=_ROOT,
)

SIGNING_SECRET = CredentialKind(
    id="signing_secret",
    name=text("Signing secret", "签名密钥"),
    description=text(
        "Signs requests as Standard Webhooks does, and checks the signatures of incoming ones. It is never "
        "sent itself.",
        "按 Standard Webhooks 规范对请求签名，并校验收到的签名；密钥本身不会发送。",
    ),
    icon="stamp",
    fields=(
        secret("secret", text("Secret", "密钥"), help=text("whsec_… or any text.", "whsec_… 或任意文本。")),
    ),
    placement=Placement(how="standard_webhooks", field="secret"),
    hosts_use="optional",
)

WEB_KINDS = (API_KEY, BEARER, BASIC, QUERY_KEY, SIGNING_SECRET)
