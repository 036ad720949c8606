"""Credentials of chat services that are no plain key of a request."""

from __future__ import annotations

from sage_studio.kernel import Text
from sage_studio.plugins.credential_kinds.support import plain, secret
from sage_studio.sdk import CredentialField, CredentialKind, Placement, text

_FEISHU = ("open.feishu.cn", "open.larksuite.com")


def _kind(
    kind_id: str,
    name: Text,
    description: Text,
    hosts: tuple[str, ...],
    *fields: CredentialField,
    placement: Placement | None = None,
) -> CredentialKind:
    return CredentialKind(
        id=kind_id,
        name=name,
        description=description,
        icon="chat",
        fields=fields,
        hosts=hosts,
        hosts_use="optional",
        placement=placement or Placement(),
    )


_SIGNING = secret(
    "secret",
    text("Signing secret", "签名密钥"),
    help=text("If the robot asks for signatures.", "机器人启用签名校验时填写。"),
    required=False,
)

TELEGRAM_BOT = _kind(
    "telegram_bot",
    text("Telegram bot", "Telegram 机器人"),
    text("The token that @BotFather gave you.", "由 @BotFather 提供的令牌。"),
    ("api.telegram.org",),
    secret("token", text("Token", "令牌")),
)
DISCORD_BOT = _kind(
    "discord_bot",
    text("Discord bot", "Discord 机器人"),
    text("The token of the application's bot.", "应用机器人的令牌。"),
    ("discord.com",),
    secret("token", text("Token", "令牌")),
    placement=Placement(how="header", field="token", name="Authorization", prefix="Bot"),
)
FEISHU_BOT = _kind(
    "feishu_bot",
    text("Feishu robot", "飞书群机器人"),
    text("The last part of the robot's webhook address.", "机器人 Webhook 地址的最后一段。"),
    _FEISHU,
    secret("key", text("Webhook key", "Webhook 密钥")),
    _SIGNING,
)
FEISHU_APP = _kind(
    "feishu_app",
    text("Feishu app", "飞书应用"),
    text("Of an app of your company.", "企业自建应用的凭证。"),
    _FEISHU,
    plain("app_id", text("App ID", "App ID"), required=True),
    secret("app_secret", text("App secret", "App Secret")),
)
DINGTALK_BOT = _kind(
    "dingtalk_bot",
    text("DingTalk robot", "钉钉群机器人"),
    text("The access_token in the robot's webhook address.", "机器人 Webhook 地址中的 access_token。"),
    ("oapi.dingtalk.com",),
    secret("token", text("access_token", "access_token")),
    _SIGNING,
)
DINGTALK_APP = _kind(
    "dingtalk_app",
    text("DingTalk app", "钉钉应用"),
    text("Of an app of your company.", "企业内部应用的凭证。"),
    ("oapi.dingtalk.com",),
    plain("app_key", text("AppKey", "AppKey"), required=True),
    secret("app_secret", text("AppSecret", "AppSecret")),
)
WECOM_BOT = _kind(
    "wecom_bot",
    text("WeCom robot", "企业微信群机器人"),
    text("The key in the robot's webhook address.", "机器人 Webhook 地址中的 key。"),
    ("qyapi.weixin.qq.com",),
    secret("key", text("Key", "Key")),
)
WECOM_APP = _kind(
    "wecom_app",
    text("WeCom app", "企业微信应用"),
    text("Of an app of your company.", "企业自建应用的凭证。"),
    ("qyapi.weixin.qq.com",),
    plain("corp_id", text("Company ID", "企业 ID"), required=True),
    secret("corp_secret", text("Secret", "Secret")),
)

CHAT_KINDS = (
    TELEGRAM_BOT, DISCORD_BOT, FEISHU_BOT, FEISHU_APP, DINGTALK_BOT, DINGTALK_APP, WECOM_BOT, WECOM_APP,
)  # fmt: skip
