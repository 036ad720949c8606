"""Starts a flow when another program calls its address."""

from __future__ import annotations

from sage_studio.plugins.support.triggers import SAMPLE, TriggerNode, choice, set_once
from sage_studio.sdk import NodeSpec, Port, text

_SIGNED = ("github", "stripe", "standard", "slack")


class WebhookTrigger(TriggerNode):
    """The server reads the settings when a call comes, from the published version."""

    spec = NodeSpec(
        id="webhook_trigger",
        name=text("Webhook", "Webhook 触发"),
        description=text(
            "Starts the flow when another program calls its address.", "其他程序调用该地址时启动流程。"
        ),
        category="trigger",
        icon="webhook",
        trigger=True,
        gives_all=True,
        outputs=(
            Port(name="body", type="any", label=text("Body", "正文")),
            Port(name="query", type="object", label=text("Query", "查询参数")),
            Port(name="headers", type="object", label=text("Headers", "请求头")),
            Port(name="files", type="array<File>", label=text("Files", "文件")),
            Port(name="method", type="string", label=text("Method", "请求方法")),
        ),
        config=(
            set_once(
                "method",
                label=text("Method", "请求方法"),
                default="POST",
                control="select",
                options=(
                    *(choice(name, name, name) for name in ("POST", "GET", "PUT", "PATCH", "DELETE")),
                    choice("any", "Any", "任意"),
                ),
            ),
            set_once(
                "auth",
                label=text("Who may call", "调用方验证"),
                default="none",
                control="select",
                options=(
                    choice("none", "Whoever knows the address", "知道地址即可"),
                    choice("github", "Signed as GitHub does", "GitHub 式签名"),
                    choice("stripe", "Signed as Stripe does", "Stripe 式签名"),
                    choice("slack", "Signed as Slack does", "Slack 式签名"),
                    choice("standard", "Signed as Standard Webhooks says", "Standard Webhooks 签名"),
                    choice("header", "A key in a header", "请求头密钥"),
                    choice("bearer", "A bearer token", "Bearer 令牌"),
                    choice("basic", "User and password", "用户名和密码"),
                ),
            ),
            set_once(
                "signing_secret",
                label=text("Signing secret", "签名密钥"),
                default="",
                control="credential",
                credential_kinds=("signing_secret",),
                show_when={"auth": _SIGNED},
            ),
            set_once(
                "key",
                label=text("Key", "密钥"),
                default="",
                control="credential",
                credential_kinds=("api_key",),
                show_when={"auth": ("header",)},
            ),
            set_once(
                "token",
                label=text("Token", "令牌"),
                default="",
                control="credential",
                credential_kinds=("bearer",),
                show_when={"auth": ("bearer",)},
            ),
            set_once(
                "account",
                label=text("Account", "账号"),
                default="",
                control="credential",
                credential_kinds=("basic",),
                show_when={"auth": ("basic",)},
            ),
            set_once(
                "respond",
                label=text("Answer", "响应方式"),
                default="at_once",
                control="select",
                options=(
                    choice("at_once", "At once", "立即响应"),
                    choice("last_node", "When the run has ended, with its outputs", "运行结束后返回其输出"),
                    choice("api_response", "From the node “Answer the call”", "由“响应请求”节点返回"),
                ),
            ),
            set_once(
                "status",
                type="integer",
                label=text("Status", "状态码"),
                default=202,
                minimum=200,
                maximum=299,
                show_when={"respond": ("at_once",)},
            ),
            set_once(
                "text",
                label=text("Text", "文本"),
                help=text("Empty: the id of the run.", "留空则返回运行编号。"),
                default="",
                control="textarea",
                max_length=10_000,
                show_when={"respond": ("at_once",)},
            ),
            set_once(
                "wait_s",
                type="integer",
                label=text("Wait at most", "最长等待"),
                help=text(
                    "Then the caller gets an address at which the answer will be.",
                    "超时后返回一个可查询结果的地址。",
                ),
                default=30,
                minimum=1,
                maximum=300,
                unit=text("seconds", "秒"),
                show_when={"respond": ("last_node", "api_response")},
            ),
            set_once(
                "raw",
                type="boolean",
                label=text("Take the body as a file", "将正文保存为文件"),
                help=text(
                    "Whatever its type, unread: pictures, archives, big tables.",
                    "不解析正文，适用于图片、压缩包或大型表格。",
                ),
                default=False,
                control="switch",
                expert=True,
            ),
            set_once(
                "max_kb",
                type="integer",
                label=text("Biggest body", "正文上限"),
                default=1_024,
                minimum=1,
                maximum=102_400,
                unit=text("KB", "KB"),
                expert=True,
            ),
            set_once(
                "origins",
                label=text("Pages that may call", "允许调用的网页来源"),
                help=text(
                    "Origins, separated by commas, for calls from a browser; * for all.",
                    "浏览器调用时允许的来源，以逗号分隔；* 表示全部。",
                ),
                default="",
                max_length=2_000,
                placeholder=text("https://example.org", "https://example.org"),
                expert=True,
            ),
            SAMPLE,
        ),
        summary=text("{method}", "{method}"),
        example={
            "config": {"sample": {"body": {"order": 7}, "method": "POST"}},
            "inputs": {},
            "outputs": {"body": {"order": 7}, "method": "POST"},
        },
    )
