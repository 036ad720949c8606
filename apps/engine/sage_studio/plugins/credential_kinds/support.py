"""Fields that many kinds of credentials share."""

from __future__ import annotations

from sage_studio.kernel import Text
from sage_studio.sdk import Choice, CredentialField, text

SECRET_LENGTH = 20_000


def secret(name: str, label: Text, *, help: Text | None = None, required: bool = True) -> CredentialField:  # noqa: A002 - the word of the field
    return CredentialField(
        name=name,
        label=label,
        help=help,
        secret=True,
        required=required,
        max_length=SECRET_LENGTH,
        default="",
    )


def plain(
    name: str,
    label: Text,
    *,
    help: Text | None = None,  # noqa: A002 - the word of the field
    required: bool = False,
    default: str = "",
    placeholder: Text | None = None,
    options: tuple[Choice, ...] = (),
    expert: bool = False,
) -> CredentialField:
    return CredentialField(
        name=name,
        label=label,
        help=help,
        required=required,
        default=default,
        placeholder=placeholder,
        options=options,
        control="select" if options else "text",
        max_length=2_000,
        expert=expert,
    )


def server(default_port: int) -> tuple[CredentialField, CredentialField]:
    """Host and port of a server."""
    return (
        plain(
            "host", text("Host", "主机"), required=True, placeholder=text("db.example.org", "db.example.org")
        ),
        CredentialField(
            name="port",
            type="integer",
            label=text("Port", "端口"),
            default=default_port,
            minimum=1,
            maximum=65_535,
        ),
    )


def account(*, user: str = "", required: bool = True) -> tuple[CredentialField, CredentialField]:
    """Name and password."""
    return (
        plain("username", text("User", "用户名"), default=user, required=required),
        secret("password", text("Password", "密码"), required=False),
    )


def tls(*, default: str = "on") -> tuple[CredentialField, CredentialField]:
    """Whether to encrypt, and whom to trust beyond public authorities."""
    return _tls_switch(default), ca()


def ca() -> CredentialField:
    return CredentialField(
        name="ca",
        label=text("CA certificate", "CA 证书"),
        help=text(
            "Only for servers whose certificate no public authority signed (PEM).",
            "仅当服务器证书并非公共 CA 签发时填写（PEM）。",
        ),
        default="",
        control="textarea",
        max_length=100_000,
        expert=True,
    )


def _tls_switch(default: str) -> CredentialField:
    return plain(
        "tls",
        text("Encryption", "加密"),
        help=text(
            "“On” checks the server's certificate against its name.", "“开启”会校验服务器证书与主机名。"
        ),
        default=default,
        options=(
            Choice(value="on", label=text("On (TLS)", "开启（TLS）")),
            Choice(value="off", label=text("Off", "关闭")),
        ),
    )
