"""Where a server is and how it is reached safely: for nodes whose drivers speak protocols of their own.

The credential says host, account and encryption. A driver is given the address that the guarded client has
checked, and a TLS context that checks the certificate against the real name.
"""

from __future__ import annotations

import asyncio
import ssl
import weakref
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sage_studio.kernel import Text, define_error
from sage_studio.sdk import Context, Field, NodeError, Settings, text

NO_HOST = define_error(
    "server.no_host",
    3501,
    en="The credential “{credential}” names no server.",
    zh="凭据“{credential}”未指定服务器。",
    hint_en="Choose a credential of a server, or add its host to this one.",
    hint_zh="请选择包含服务器地址的凭据，或为该凭据填写主机。",
    status=422,
)
UNREACHABLE = define_error(
    "server.unreachable",
    3502,
    en="Nothing takes connections at {host}:{port}: {reason}",
    zh="{host}:{port} 无法连接：{reason}",
    hint_en="Check host and port in the credential, and whether the server is up and lets this machine in.",
    hint_zh="请检查凭据中的主机和端口，并确认服务器已启动且允许本机访问。",
    status=502,
    retryable=True,
)
TLS_FAILED = define_error(
    "server.tls",
    3503,
    en="No encrypted connection to {host}:{port} came about: {reason}",
    zh="无法与 {host}:{port} 建立加密连接：{reason}",
    hint_en="If the server's certificate is signed by your own authority, put that authority's certificate "
    "into the node. A server without TLS needs “Encryption: off” in the credential.",
    hint_zh="若服务器证书由自建 CA 签发，请在节点中填写该 CA 证书；服务器不支持 TLS 时请在凭据中关闭加密。",
    status=502,
)
LOGIN_REFUSED = define_error(
    "server.login",
    3504,
    en="{host}:{port} does not let “{user}” in: {reason}",
    zh="{host}:{port} 拒绝用户“{user}”登录：{reason}",
    hint_en="Check user and password in the credential, and the rights of that user.",
    hint_zh="请检查凭据中的用户名和密码，以及该用户的权限。",
    status=502,
)
WRONG_PROTOCOL = define_error(
    "server.protocol",
    3505,
    en="What answers at {host}:{port} does not speak {protocol}: {reason}",
    zh="{host}:{port} 的服务不支持 {protocol} 协议：{reason}",
    hint_en="Check the port in the credential: another service may listen there.",
    hint_zh="请检查凭据中的端口：该端口可能是其他服务。",
    status=502,
)
SILENT = define_error(
    "server.silent",
    3506,
    en="{host}:{port} did not answer within {timeout_s} s.",
    zh="{host}:{port} 在 {timeout_s} 秒内没有响应。",
    hint_en="Raise the time limit, or try again when the server is less busy.",
    hint_zh="请延长超时时间，或在服务器空闲时重试。",
    status=504,
    retryable=True,
)
LOST = define_error(
    "server.lost",
    3507,
    en="The connection to {host}:{port} broke off: {reason}",
    zh="与 {host}:{port} 的连接中断：{reason}",
    hint_en="Try again; if it happens each time, look into the server's log.",
    hint_zh="请重试；如反复出现，请查看服务器日志。",
    status=502,
    retryable=True,
)
BAD_CA = define_error(
    "server.bad_ca",
    3508,
    en="The CA certificate cannot be read: {reason}",
    zh="无法读取 CA 证书：{reason}",
    hint_en="Paste the certificate as text, with its BEGIN and END lines (PEM).",
    hint_zh="请以文本形式粘贴证书（PEM），包含 BEGIN 和 END 行。",
    status=422,
)
NO_CREDENTIAL = define_error(
    "server.no_credential",
    3509,
    en="No credential says which server to connect to.",
    zh="未选择服务器凭据。",
    hint_en="Choose one in the node, or make one under Credentials.",
    hint_zh="请在节点中选择凭据，或在“凭据”页面新建。",
    status=422,
)
REASON_LENGTH = 500
TLS_S = 15.0


def credential_field(*kinds: str, required: bool = True, help: Text | None = None) -> Field:  # noqa: A002 - the word of the field
    return Field(
        name="credential",
        label=text("Credential", "凭据"),
        help=help or text("Says where the server is and who you are there.", "包含服务器地址与登录账号。"),
        default="",
        required=required,
        control="credential",
        credential_kinds=kinds,
        expression="never",
    )


def ca_field(**more: Any) -> Field:
    return Field(
        name="ca",
        label=text("CA certificate", "CA 证书"),
        help=text(
            "Only for servers whose certificate no public authority signed (PEM). Empty: the credential's.",
            "仅当服务器证书并非公共 CA 签发时填写（PEM）；留空则使用凭据中的证书。",
        ),
        default="",
        control="textarea",
        max_length=200_000,
        expert=True,
        expression="never",
        **more,
    )


def timeout_field(default: float = 30, maximum: float = 3_600) -> Field:
    return Field(
        name="timeout_s",
        type="number",
        label=text("Time limit", "超时时间"),
        default=default,
        minimum=0.1,
        maximum=maximum,
        unit=text("seconds", "秒"),
        expert=True,
    )


@dataclass(frozen=True, slots=True, repr=False)
class Place:
    """A server and an account on it. ``more`` are the credential's other fields; a place without a
    ``credential`` was named by an address in the node."""

    credential: str
    host: str
    port: int
    user: str
    password: str
    tls: str
    ca: str
    more: Mapping[str, str]

    def facts(self, **more: Any) -> dict[str, Any]:
        """What errors say about it."""
        return {"host": self.host, "port": self.port, **more}

    def error(self, code: Any, reason: object, **more: Any) -> NodeError:
        said = str(reason).strip()[:REASON_LENGTH] or type(reason).__name__
        retryable = more.pop("retryable", None)
        return NodeError(code, self.facts(reason=said, user=self.user, **more), retryable=retryable)

    def context(self) -> NamedContext:
        """A context that checks certificates against ``host``, whatever address the driver connects to."""
        return _context(self.host, self.ca)


async def place_of(ctx: Context, settings: Settings, default_port: int) -> Place:
    """The place that the node's credential names. Raises NodeError."""
    place = await _account(ctx, settings, default_port)
    host = str(place.more.get("host") or "").strip()
    if not host:
        raise NodeError(NO_HOST, {"credential": place.credential}, path="config.credential")
    return replace(place, host=host, port=int(place.more.get("port") or default_port))


async def places_of(ctx: Context, settings: Settings, default_port: int) -> list[Place]:
    """The servers that the node's credential lists in ``hosts``, in its order. Raises NodeError."""
    place = await _account(ctx, settings, default_port)
    listed = [entry.strip() for entry in str(place.more.get("hosts") or "").split(",") if entry.strip()]
    if not listed:
        raise NodeError(NO_HOST, {"credential": place.credential}, path="config.credential")
    places = []
    for entry in listed:
        host, colon, port = entry.rpartition(":")
        is_numbered = bool(colon) and port.isdigit()
        named = (host, int(port)) if is_numbered else (entry, default_port)
        places.append(replace(place, host=named[0], port=named[1]))
    return places


async def _account(ctx: Context, settings: Settings, port: int) -> Place:
    """What the credential says beside where its servers are."""
    name = settings.text("credential")
    if not name:
        raise NodeError(NO_CREDENTIAL, path="config.credential")
    fields = await ctx.credential(name)
    return Place(
        credential=name,
        host="",
        port=port,
        user=str(fields.get("username") or ""),
        password=str(fields.get("password") or ""),
        tls=str(fields.get("tls") or "off"),
        ca=settings.text("ca") or str(fields.get("ca") or ""),
        more=fields,
    )


async def checked_address(ctx: Context, place: Place) -> str:
    """The address to connect to. Raises SageError ``http.*`` or ``credential.*``."""
    return await ctx.http.address(place.host, place.port, credential=place.credential)


async def open_stream(
    ctx: Context, place: Place, protocol: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, encrypted where the credential says so. Raises NodeError ``server.*`` and SageError
    ``http.*``."""
    reader, writer = await ctx.http.connect(place.host, place.port, credential=place.credential or None)
    if place.tls == "on":
        try:
            async with within(place, TLS_S):
                await writer.start_tls(place.context(), server_hostname=place.host)
        except (ssl.SSLError, OSError) as error:
            writer.close()
            raise connecting_failed(place, error, protocol) from error
        except BaseException:
            writer.close()
            raise
    return reader, writer


@asynccontextmanager
async def within(place: Place, timeout_s: float) -> Any:
    """A time limit on a server. Raises NodeError ``server.silent``."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise NodeError(SILENT, place.facts(timeout_s=timeout_s)) from error


def connecting_failed(place: Place, error: BaseException, protocol: str) -> NodeError:
    """What went wrong before anybody was signed in, told apart by its kind."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return place.error(TLS_FAILED, _tls_reason(cause))
        if isinstance(cause, ConnectionRefusedError):
            return place.error(UNREACHABLE, "the connection is refused")
        if isinstance(cause, (ConnectionResetError, BrokenPipeError, EOFError)):
            return place.error(WRONG_PROTOCOL, "it closes the connection", protocol=protocol)
        if isinstance(cause, TimeoutError):
            return place.error(UNREACHABLE, "no answer")
        cause = cause.__cause__  # what merely happened before, another address refused, is not the reason
    if isinstance(error, OSError):
        return place.error(UNREACHABLE, error.strerror or error)
    return place.error(WRONG_PROTOCOL, error, protocol=protocol)


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return getattr(error, "reason", None) or str(error.args[0] if error.args else error)


class NamedContext(ssl.SSLContext):
    """Checks certificates against one name. Drivers are given an address that was checked before, and would
    ask for a certificate of that address."""

    name: str = ""
    names: Mapping[str, str] = MappingProxyType({})
    """Of a cluster: the name behind each checked address."""
    _latest: weakref.ref[ssl.SSLSocket] | None = None

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        name = self.names.get(str(kwargs.get("server_hostname")), self.name)
        return super().wrap_bio(args[0], args[1], server_hostname=name)

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        kwargs["server_hostname"] = self.names.get(str(kwargs.get("server_hostname")), self.name)
        wrapped = super().wrap_socket(sock, *args, **kwargs)
        self._latest = weakref.ref(wrapped)
        return wrapped

    def close_latest(self) -> None:
        """For drivers that leave a socket open whose handshake failed."""
        wrapped = self._latest() if self._latest is not None else None
        if wrapped is not None:
            wrapped.close()


@lru_cache(maxsize=64)
def _context(host: str, ca: str) -> NamedContext:
    return new_context(host, ca)


def new_context(host: str, ca: str) -> NamedContext:
    """Raises NodeError ``server.bad_ca``."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.name = host
    context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not ca.strip():
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise NodeError(BAD_CA, {"reason": str(error)[:200]}, path="config.ca") from error
    return context
