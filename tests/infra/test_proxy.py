"""What people notice of a web process that is gone: through nginx and through the plain balancer.

The processes behind are small servers of this test, because only those can be made to vanish, to come
back and to hang up in the order that matters.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from apps.common.errors import PROXY_LOST, PROXY_UNANSWERED, THROTTLED
from infra.native import proxy
from infra.native.layout import free_ports
from infra.setup import nginx
from sage_studio.kernel.errors import Language
from tests.infra.conftest import wait_until


class Answering(BaseHTTPRequestHandler):
    """Says its own port; counts the calls that change something."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one piece
    changed = 0

    def do_GET(self) -> None:
        body = str(self.server.server_port).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        Answering.changed += 1
        self.do_GET()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nobody reads it."""


class Process(ThreadingHTTPServer):
    """Keeps its connections open between requests, and takes them with it when it goes."""

    daemon_threads = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Answering)
        self._taken: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, object]:
        taken, address = super().get_request()
        self._taken.append(taken)
        return taken, address

    def die(self) -> None:
        """Returns when the proxy has seen it."""
        for taken in self._taken:
            with suppress(OSError):  # closed already
                taken.shutdown(socket.SHUT_WR)
        self.server_close()


@contextmanager
def answering(port: int) -> Iterator[None]:
    """A process that lives."""
    server = Process(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.die()


@contextmanager
def hanging_up(port: int) -> Iterator[None]:
    """A process that dies with every request in its hands."""
    with socket.create_server(("127.0.0.1", port)) as listening:

        def hang_up() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                taken.recv(65536)
                taken.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@dataclass
class Front:
    """A running proxy and the ports behind it."""

    port: int
    behind: list[int]
    said: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str = "GET", path: str = "/", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=b"{}" if method == "POST" else None, headers=sent)
            answer = connection.getresponse()
            self.said = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            self.ask()
        except OSError:
            return False
        return True


@contextmanager
def started(folder: Path) -> Iterator[Front]:
    port, *behind = free_ports(3)
    program = proxy.choose(folder, port=port, upstreams=behind).program
    process = subprocess.Popen(program.command, env=program.env, stderr=subprocess.DEVNULL)
    front = Front(port, behind)
    try:
        wait_until(front.is_up)
        yield front
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def with_nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    if nginx.find() is None:
        pytest.skip("nginx is not installed here and could not be fetched")
    with started(tmp_path_factory.mktemp("nginx")) as front:
        yield front


@pytest.fixture(params=["nginx", "balancer"])
def front(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    if request.param == "nginx":
        yield request.getfixturevalue("with_nginx")
        return
    monkeypatch.setattr(nginx, "find", lambda: None)
    with started(tmp_path) as plain:
        yield plain


def test_one_dies_as_soon_as_the_other_is_back_and_nobody_notices(front: Front) -> None:
    first, second = front.behind
    for dead, alive in [(first, second), (second, first), (first, second)]:
        with answering(alive):
            answers = [front.ask() for _ in range(12)]

        assert answers == [(200, str(alive).encode())] * 12, dead


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_not_handed_over_goes_to_the_other(front: Front, method: str) -> None:
    with answering(front.behind[1]):
        assert {front.ask(method)[0] for _ in range(12)} == {200}


def test_a_question_is_asked_again_when_its_process_dies_over_it(front: Front) -> None:
    with answering(front.behind[0]), hanging_up(front.behind[1]):
        assert {front.ask()[0] for _ in range(12)} == {200}


def test_a_change_is_never_sent_twice_and_its_loss_is_told(front: Front) -> None:
    Answering.changed = 0
    with answering(front.behind[0]), hanging_up(front.behind[1]):
        statuses: list[int] = []
        while len(set(statuses)) < 2:  # until it has come to each of the two
            statuses.append(front.ask("POST")[0])

    assert set(statuses) == {200, 502}
    assert Answering.changed == statuses.count(200)


def test_all_gone_is_said_and_over_as_soon_as_one_is_back(front: Front) -> None:
    assert front.ask()[0] == 503
    with answering(front.behind[0]):
        assert {front.ask()[0] for _ in range(10)} == {200}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nginx_speaks_as_the_product_does(with_nginx: Front, language: Language) -> None:
    status, body = with_nginx.ask(Accept_Language=language, Accept="application/json")
    document = json.loads(body)

    assert with_nginx.said["content-type"] == "application/problem+json"
    assert with_nginx.said["retry-after"] == "1"
    assert status == document["status"] == PROXY_UNANSWERED.status
    assert (document["code"], document["number"]) == (PROXY_UNANSWERED.code, PROXY_UNANSWERED.number)
    assert document["detail"] == PROXY_UNANSWERED.message[language]
    assert document["hint"] == PROXY_UNANSWERED.hint[language]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nginx_says_what_may_have_been_done(with_nginx: Front, language: Language) -> None:
    with hanging_up(with_nginx.behind[0]), hanging_up(with_nginx.behind[1]):
        status, body = with_nginx.ask("POST", Accept_Language=language)
    document = json.loads(body)

    assert status == document["status"] == PROXY_LOST.status
    assert (document["code"], document["number"]) == (PROXY_LOST.code, PROXY_LOST.number)
    assert document["detail"] == PROXY_LOST.message[language]
    assert document["hint"] == PROXY_LOST.hint[language]


def test_a_browser_is_shown_a_page(with_nginx: Front) -> None:
    status, body = with_nginx.ask(Accept="text/html,*/*", Accept_Language="zh-CN,zh")

    assert status == PROXY_UNANSWERED.status
    assert with_nginx.said["content-type"] == "text/html; charset=utf-8"
    assert PROXY_UNANSWERED.message["zh"] in body.decode()


def test_too_many_attempts_to_sign_in_are_told_as_such(with_nginx: Front) -> None:
    with answering(with_nginx.behind[0]):
        answers = [with_nginx.ask("POST", "/_allauth/browser/v1/auth/login") for _ in range(60)]

    refused = [json.loads(body) for status, body in answers if status == THROTTLED.status]
    assert refused
    assert {status for status, _ in answers} == {200, THROTTLED.status}
    assert {document["code"] for document in refused} == {THROTTLED.code}
