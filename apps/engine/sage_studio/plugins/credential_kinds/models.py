"""Credentials of model services."""

from __future__ import annotations

from sage_studio.plugins.credential_kinds.support import plain, secret
from sage_studio.sdk import CredentialKind, HostField, HttpTest, Placement, text

_ADDRESS_HELP = text(
    "Another address of the same protocol: a gateway or a server of your own.",
    "同协议的其他地址，例如网关或自建服务。",
)

ANTHROPIC = CredentialKind(
    id="anthropic",
    name=text("Anthropic", "Anthropic"),
    description=text("A key for Claude models.", "Claude 模型的密钥。"),
    icon="sparkle",
    fields=(
        secret("api_key", text("API key", "API 密钥")),
        plain(
            "base_url",
            text("Address", "服务地址"),
            help=_ADDRESS_HELP,
            default="https://api.anthropic.com",
            required=True,
            expert=True,
        ),
    ),
    placement=Placement(
        how="header",
        field="api_key",
        name="x-api-key",
        extra_headers={"anthropic-version": "2023-06-01"},
    ),
    hosts_use="from_fields",
    host_fields=(HostField(host="base_url", default_port=443),),
    test=HttpTest(url="{base_url}/v1/models"),
    help_url="https://docs.anthropic.com/",
)

OPENAI = CredentialKind(
    id="openai",
    name=text("OpenAI-compatible", "OpenAI 兼容服务"),
    description=text(
        "A key for OpenAI, and for every service or local server that speaks its protocol.",
        "OpenAI 以及兼容其协议的各类服务或本地服务的密钥。",
    ),
    icon="sparkle",
    fields=(
        secret("api_key", text("API key", "API 密钥")),
        plain(
            "base_url",
            text("Address", "服务地址"),
            help=_ADDRESS_HELP,
            default="https://api.openai.com/v1",
            required=True,
        ),
        plain("organization", text("Organization", "组织"), expert=True),
    ),
    placement=Placement(how="bearer", field="api_key"),
    hosts_use="from_fields",
    host_fields=(HostField(host="base_url", default_port=443),),
    test=HttpTest(url="{base_url}/models"),
)

MODEL_KINDS = (ANTHROPIC, OPENAI)
