"""An SMTP server that keeps what it is sent."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage
from ssl import SSLContext
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers.starting import START_WITHIN_S, free_port


@dataclass
class Delivered:
    """A message as it arrived, with the addresses of its envelope."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)


@dataclass
class MailServer:
    """``refused`` recipients are answered with 550, ``data_answers`` in turn instead of accepting."""

    user: str = "post"
    password: str = "stamp: 5"
    tls: SSLContext | None = None
    implicit: bool = False
    messages: list[Delivered] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    data_answers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port()
        secured = self.tls is not None
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ready_timeout=START_WITHIN_S,
            ssl_context=self.tls if self.implicit else None,
            authenticator=self._authenticate,
            auth_require_tls=secured and not self.implicit,
            auth_required=False,
            require_starttls=False,
            tls_context=None if self.implicit else self.tls,
        )

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _kind: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (
            self.user.encode(),
            self.password.encode(),
        )
        return AuthResult(success=good, handled=False)

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 No such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.data_answers:
            return self.data_answers.pop(0)
        self.messages.append(Delivered(envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 Message accepted"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
