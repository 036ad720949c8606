"""What a try-out of a credential is given, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sage_studio.egress import GuardedClient, RequestSecret, host_is_allowed
from sage_studio.kernel import Text, define_error
from sage_studio.plugins.credential_kinds.placing import OpenedCredential, request_secret
from sage_studio.plugins.host_http import HostHttp
from sage_studio.plugins.support.places import LOGIN_REFUSED, Place
from sage_studio.sdk import NodeError, text

NOT_ALLOWED = define_error(
    "credential.trial_host",
    7150,
    en="The credential may not be sent to {host}.",
    zh="凭据不允许发送到 {host}。",
    status=422,
)
TIMEOUT_S = 12.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """``ok`` when the service took the credential; ``status`` is that of an HTTP answer."""

    ok: bool
    message: Text
    status: int | None = None


class Trial:
    """As much of a node's context as connecting takes, for one credential that may not be kept yet."""

    def __init__(self, client: GuardedClient, opened: OpenedCredential, url: str = "") -> None:
        self.opened = opened
        self.fields = opened.fields
        self.url = url
        self.http = HostHttp(client, _OneCredential(opened), "")

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        return self.fields

    @property
    def place(self) -> Place:
        """The server the credential names."""
        fields = self.fields
        return Place(
            credential=self.opened.name or "new",
            host=fields.get("host", ""),
            port=int(fields.get("port") or 0),
            user=fields.get("username", ""),
            password=fields.get("password", ""),
            tls=fields.get("tls", "off"),
            ca=fields.get("ca", ""),
            more=fields,
        )


class _OneCredential:
    """A vault that holds what is tried out, whatever its name."""

    def __init__(self, opened: OpenedCredential) -> None:
        self._opened = opened

    async def request_secret(self, name: str, host: str, port: int | None) -> RequestSecret:
        await self.allow(name, host, port)
        return request_secret(self._opened)

    async def allow(self, name: str, host: str, port: int | None) -> None:
        if not host_is_allowed(self._opened.hosts, host, port):
            raise NodeError(NOT_ALLOWED, {"host": host[:260]})


def welcome(server: str) -> Verdict:
    """The server let us in."""
    return Verdict(True, text(f"{server} accepted the credential.", f"{server} 接受了该凭据。"))


def not_let_in(error: NodeError) -> Verdict:
    """The server answered, and it was no. Raises the error when it is another one."""
    if error.code is not LOGIN_REFUSED:
        raise error
    return Verdict(False, text(error.message("en"), error.message("zh")))
