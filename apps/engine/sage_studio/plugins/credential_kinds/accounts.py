"""Accounts of services that are connected by OAuth 2: where each hands out tokens, and which hosts take them.

Sources: each service's own page for developers, as of autumn 2026.
"""

from __future__ import annotations

from sage_studio.kernel import Text
from sage_studio.plugins.credential_kinds.support import plain, secret
from sage_studio.sdk import (
    Choice,
    CredentialField,
    CredentialKind,
    HttpTest,
    OAuth2Settings,
    Placement,
    text,
)

_PLACEMENT = Placement(how="oauth2", field="access_token")


def _app(scopes: str, *, needs_secret: bool = True) -> tuple[CredentialField, ...]:
    """The app a person has registered at the service."""
    return (
        plain(
            "client_id",
            text("Client ID", "客户端 ID"),
            help=text(
                "Of the app you have registered there, with the callback address shown below.",
                "在服务方注册应用时获得；注册时请填写下方回调地址。",
            ),
            required=True,
        ),
        secret("client_secret", text("Client secret", "客户端密钥"), required=needs_secret),
        plain(
            "scopes",
            text("Scopes", "权限范围"),
            help=text("What flows may do there, with spaces between.", "允许的操作范围，以空格分隔。"),
            default=scopes,
        ),
    )


def _account(
    id_: str,
    name: Text,
    hosts: tuple[str, ...],
    scopes: str,
    settings: OAuth2Settings,
    *,
    test: HttpTest | None = None,
) -> CredentialKind:
    return CredentialKind(
        id=f"{id_}_oauth2",
        name=name,
        description=text(
            f"Connects an account at {name['en']}; tokens are renewed as needed.",
            f"授权连接{name['zh']}账号，令牌自动续期。",
        ),
        icon="link",
        fields=_app(scopes),
        placement=_PLACEMENT,
        hosts=hosts,
        hosts_use="optional",
        oauth2=settings,
        test=test,
    )


OAUTH2 = CredentialKind(
    id="oauth2",
    name=text("OAuth 2", "OAuth 2"),
    description=text(
        "Any service that hands out tokens by OAuth 2: to a person's account, or to an app by itself.",
        "任何通过 OAuth 2 发放令牌的服务：授权用户账号，或应用自身凭证。",
    ),
    icon="link",
    fields=(
        plain(
            "grant",
            text("Whose access", "授权方式"),
            default="authorization_code",
            options=(
                Choice(value="authorization_code", label=text("A person's account", "用户账号授权")),
                Choice(value="client_credentials", label=text("The app itself", "应用自身凭证")),
            ),
        ),
        plain(
            "authorize_url",
            text("Address for signing in", "授权地址"),
            placeholder=text("https://…/authorize", "https://…/authorize"),
        ).model_copy(update={"show_when": {"grant": ("authorization_code",)}}),
        plain(
            "token_url",
            text("Address for tokens", "令牌地址"),
            required=True,
            placeholder=text("https://…/token", "https://…/token"),
        ),
        *_app("", needs_secret=False),
        plain(
            "client_auth",
            text("Client secret goes", "客户端密钥位置"),
            default="body",
            options=(
                Choice(value="body", label=text("Into the body", "请求体")),
                Choice(value="basic", label=text("Into a header (Basic)", "请求头（Basic）")),
            ),
            expert=True,
        ),
        plain("audience", text("Audience", "受众（audience）"), expert=True),
    ),
    placement=_PLACEMENT,
    oauth2=OAuth2Settings(),
    test=HttpTest(url="/"),
)

GOOGLE = _account(
    "google",
    text("Google", "Google"),
    (
        "www.googleapis.com", "gmail.googleapis.com", "sheets.googleapis.com", "docs.googleapis.com",
        "drive.googleapis.com", "calendar.googleapis.com", "openidconnect.googleapis.com",
    ),
    "openid email",
    OAuth2Settings(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
        authorize_params={"access_type": "offline", "prompt": "consent"},
    ),
    test=HttpTest(url="https://openidconnect.googleapis.com/v1/userinfo", names_field="email"),
)  # fmt: skip
GITHUB = _account(
    "github",
    text("GitHub", "GitHub"),
    ("api.github.com", "uploads.github.com"),
    "repo read:user",
    OAuth2Settings(
        authorize_url="https://github.com/login/oauth/authorize",
        token_url="https://github.com/login/oauth/access_token",  # noqa: S106 - an address
    ),
    test=HttpTest(url="https://api.github.com/user", names_field="login"),
)
GITLAB = _account(
    "gitlab",
    text("GitLab", "GitLab"),
    ("gitlab.com",),
    "api",
    OAuth2Settings(
        authorize_url="https://gitlab.com/oauth/authorize",
        token_url="https://gitlab.com/oauth/token",  # noqa: S106 - an address
    ),
    test=HttpTest(url="https://gitlab.com/api/v4/user", names_field="username"),
)
SLACK = _account(
    "slack",
    text("Slack", "Slack"),
    ("slack.com", "files.slack.com"),
    "chat:write channels:read",
    OAuth2Settings(
        authorize_url="https://slack.com/oauth/v2/authorize",
        token_url="https://slack.com/api/oauth.v2.access",  # noqa: S106 - an address
    ),
    test=HttpTest(url="https://slack.com/api/auth.test", names_field="user"),
)
NOTION = _account(
    "notion",
    text("Notion", "Notion"),
    ("api.notion.com",),
    "",
    OAuth2Settings(
        authorize_url="https://api.notion.com/v1/oauth/authorize",
        token_url="https://api.notion.com/v1/oauth/token",  # noqa: S106 - an address
        authorize_params={"owner": "user"},
        client_auth="basic",
        body="json",
    ),
)
HUBSPOT = _account(
    "hubspot",
    text("HubSpot", "HubSpot"),
    ("api.hubapi.com",),
    "crm.objects.contacts.read oauth",
    OAuth2Settings(
        authorize_url="https://app.hubspot.com/oauth/authorize",
        token_url="https://api.hubapi.com/oauth/v1/token",  # noqa: S106 - an address
    ),
)
MICROSOFT = _account(
    "microsoft",
    text("Microsoft 365", "Microsoft 365"),
    ("graph.microsoft.com",),
    "offline_access User.Read",
    OAuth2Settings(
        authorize_url="https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/common/oauth2/v2.0/token",  # noqa: S106 - an address
    ),
    test=HttpTest(url="https://graph.microsoft.com/v1.0/me", names_field="userPrincipalName"),
)
ATLASSIAN = _account(
    "atlassian",
    text("Atlassian (Jira, Confluence)", "Atlassian（Jira、Confluence）"),
    ("api.atlassian.com",),
    "offline_access read:jira-work write:jira-work read:me",
    OAuth2Settings(
        authorize_url="https://auth.atlassian.com/authorize",
        token_url="https://auth.atlassian.com/oauth/token",  # noqa: S106 - an address
        authorize_params={"audience": "api.atlassian.com", "prompt": "consent"},
        body="json",
    ),
    test=HttpTest(url="https://api.atlassian.com/me", names_field="email"),
)
FEISHU = _account(
    "feishu",
    text("Feishu", "飞书"),
    ("open.feishu.cn",),
    "offline_access",
    OAuth2Settings(
        authorize_url="https://accounts.feishu.cn/open-apis/authen/v1/authorize",
        token_url="https://open.feishu.cn/open-apis/authen/v2/oauth/token",  # noqa: S106 - an address
        body="json",
    ),
    test=HttpTest(url="https://open.feishu.cn/open-apis/authen/v1/user_info"),
)

ACCOUNT_KINDS = (
    OAUTH2, GOOGLE, GITHUB, GITLAB, SLACK, NOTION, HUBSPOT, MICROSOFT, ATLASSIAN, FEISHU,
)  # fmt: skip
