"""email_send against a mail server (aiosmtpd), with and without TLS, and against some that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node
from tests.servers.certificates import Authority
from tests.servers.mail import MailServer
from tests.servers.rude import rude_server

LETTER = {
    "to": "Ada <ada@example.org>",
    "subject": "Grüße 你好",
    "text": "Hello\n.dot\n",
    "sender": "me@example.org",
}


@contextmanager
def host_for(folder: Path, port: int, **fields: Any) -> Iterator[LocalHost]:
    shape = {"kind": "smtp", "host": "localhost", "port": port, "tls": "off", **fields}
    environ = {
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8, ::1/128",
        "SAGE_CREDENTIAL_POST": json.dumps(shape),
    }
    with LocalHost(folder=folder, environ=environ) as made:
        yield made


@pytest.fixture
def host(tmp_path: Path, mail_server: MailServer) -> Iterator[LocalHost]:
    with host_for(tmp_path, mail_server.port) as made:
        yield made


async def send(host: LocalHost, **config: Any) -> Mapping[str, Any]:
    return await run_node("email_send", host, config={"credential": "post", **LETTER, **config})


async def failing(host: LocalHost, **config: Any) -> Mapping[str, Any]:
    return await failure_of("email_send", host, config={"credential": "post", **LETTER, **config})


async def test_a_message_arrives_as_it_was_written(
    host: LocalHost, mail_server: MailServer, tmp_path: Path
) -> None:
    (tmp_path / "Bericht 报告.pdf").write_bytes(b"%PDF" + bytes(range(256)) * 300)
    made = await send(
        host, cc=["Bob <bob@example.org>"], bcc="eve@example.org; bob@example.org",
        reply_to="help@example.org", html="<p>Hello</p>",
        attachments=str(tmp_path / "Bericht 报告.pdf"), headers={"X-Kind": "test"},
    )  # fmt: skip
    assert made["accepted"] == ["ada@example.org", "bob@example.org", "eve@example.org"]
    [delivered] = mail_server.messages
    message = delivered.message
    assert (delivered.sender, delivered.recipients) == ("me@example.org", made["accepted"])
    assert message["Message-ID"] == made["message_id"]
    assert (message["Subject"], message["To"], message["X-Kind"]) == (
        "Grüße 你好",
        "Ada <ada@example.org>",
        "test",
    )
    assert message["Bcc"] is None
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content() == "Hello\r\n.dot\r\n"
    assert html.get_content().strip() == "<p>Hello</p>"
    [file] = message.iter_attachments()
    assert file.get_filename() == "Bericht 报告.pdf"
    assert file.get_content() == b"%PDF" + bytes(range(256)) * 300


async def test_the_same_attempt_has_the_same_message_id(host: LocalHost) -> None:
    first, again = await send(host), await send(host)
    assert first["message_id"] == again["message_id"]


@pytest.mark.parametrize("implicit", [False, True])
async def test_it_signs_in_only_over_an_encrypted_connection(
    tmp_path: Path, authority: Authority, *, implicit: bool
) -> None:
    tls = authority.server_context("localhost")
    with MailServer(tls=tls, implicit=implicit) as server:
        account = {
            "tls": "on" if implicit else "starttls",
            "username": server.user,
            "password": server.password,
        }
        with host_for(tmp_path, server.port, **account) as host:
            assert (await send(host, ca=authority.pem))["accepted"] == ["ada@example.org"]
            assert (await failing(host))["code"] == "server.tls"
        with host_for(tmp_path, server.port, **{**account, "password": "wrong-one"}) as host:
            wrong = await failing(host, ca=authority.pem)
            assert wrong["code"] == "server.login"
            assert "wrong-one" not in json.dumps(wrong)
        with host_for(tmp_path, server.port, **{**account, "host": "127.0.0.1"}) as host:
            assert (await failing(host, ca=authority.pem))["code"] == "server.tls"


async def test_a_server_without_starttls_is_not_told_the_password(
    tmp_path: Path, mail_server: MailServer
) -> None:
    with host_for(tmp_path, mail_server.port, tls="starttls", username="post", password="x") as host:
        assert (await failing(host))["code"] == "server.tls"


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"subject": "Hi\r\nBcc: all@example.org"}, "email.bad_header"),
        ({"to": "a@example.org\nBcc: b@example.org"}, "email.bad_header"),
        ({"to": "a@example.org>\r\nDATA"}, "email.bad_header"),
        ({"to": "nobody"}, "email.bad_address"),
        ({"to": "a b@example.org"}, "email.bad_address"),
        ({"sender": "x"}, "email.bad_address"),
        ({"headers": {"Bcc": "b@example.org"}}, "email.bad_header"),
        ({"headers": {"X-A": "1\nX-B: 2"}}, "email.bad_header"),
        ({"headers": {"X-A: 1\nX-B": "2"}}, "email.bad_header"),
    ],
)
async def test_nothing_can_be_smuggled_into_a_message(
    host: LocalHost, mail_server: MailServer, config: dict[str, Any], code: str
) -> None:
    assert (await failing(host, **config))["code"] == code
    assert mail_server.messages == []


async def test_refused_recipients_are_told_and_others_get_it(
    host: LocalHost, mail_server: MailServer
) -> None:
    mail_server.refused = {"gone@example.org"}
    made = await send(host, to="ada@example.org, gone@example.org")
    assert made["accepted"] == ["ada@example.org"]
    assert made["refused"][0]["address"] == "gone@example.org"
    wrong = await failing(host, to="gone@example.org")
    assert (wrong["code"], wrong["retryable"]) == ("email.refused", False)


async def test_busy_and_refusing_servers_are_told_apart(host: LocalHost, mail_server: MailServer) -> None:
    mail_server.data_answers = ["451 4.3.0 Try later", "554 5.7.1 Spam"]
    assert (await failing(host))["code"] == "email.busy"
    assert (await failing(host))["code"] == "email.refused"


async def test_attachments_have_a_limit(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(20_000))
    wrong = await failing(host, attachments=str(tmp_path / "big.bin"), max_mb=0.01)
    assert wrong["code"] == "email.too_large"


@pytest.mark.parametrize(
    "say", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"220-" + b"x" * 100_000, b"220-a\r\n" * 200]
)
async def test_servers_that_make_no_sense_end_in_clear_errors(tmp_path: Path, say: bytes) -> None:
    with rude_server(say, close=True) as port, host_for(tmp_path, port) as host:
        wrong = await failing(host)
    assert wrong["code"].startswith("server."), wrong


async def test_a_silent_server_does_not_hold_up_a_cancel(tmp_path: Path) -> None:
    with rude_server(b"220 hello\r\n", close=False) as port, host_for(tmp_path, port) as host:
        assert (await failing(host, timeout_s=0.2))["code"] == "server.silent"
        task = asyncio.create_task(send(host))
        await asyncio.sleep(0.2)
        task.cancel()
        # Less than the 60 s after which it would end by itself; a busy machine needs some.
        async with asyncio.timeout(40):
            with pytest.raises(asyncio.CancelledError):
                await task
