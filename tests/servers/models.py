"""Scripted model servers: they say what a test wants, in the words of the real services' protocols.

One server speaks Anthropic's Messages (``models_anthropic``) and OpenAI's chat, embeddings, images and
audio (``models_openai``), whole or as event streams, refuses requests the real ones refuse, and can fail
in all the ways they do: too many requests, overload, an error in the middle of a stream, a line that
breaks off.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = "sk-test-0123456789abcdef"


@dataclass
class Said:
    """One answer of the model. ``calls`` are (tool, arguments); arguments given as text are sent as they
    are. ``status`` is that of a refusal, ``fails_after`` and ``cut_after`` say after how many pieces of the
    text an error event comes or the line breaks off, ``held_after`` where it waits for ``released``."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    input_tokens: int = 20
    output_tokens: int = 5
    cache_read: int = 0
    cache_write: int = 0
    stop_reason: str = ""
    status: int = 200
    kind: str = ""
    code: str = ""
    message: str = "because"
    headers: dict[str, str] = field(default_factory=dict)
    fails_after: int | None = None
    cut_after: int | None = None
    held_after: int | None = None

    def pieces(self) -> Iterator[str]:
        words = self.text.split(" ")
        yield from (word if at == 0 else f" {word}" for at, word in enumerate(words) if word or at)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Refusal(Exception):
    """What the real service would refuse."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Cut(Exception):
    """The line breaks off here."""


Answers = Callable[[Any], Said]


class ModelServer:
    """``says`` queues answers, the last of which repeats; ``answers`` decides by the request instead."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: Answers | None = None
        self.released = threading.Event()
        self.gone = threading.Event()
        """Set when a client has left in the middle of an answer."""
        self.waiting = threading.Event()
        """Set when an answer is held."""
        self.media: dict[str, Any] = {}
        self._queue: list[Said] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def says(self, *said: Said | str) -> Self:
        self._queue = [Said(entry) if isinstance(entry, str) else entry for entry in said]
        return self

    def next(self, request: Any) -> Said:
        with self._lock:
            if self.answers is not None:
                return self.answers(request)
            return self._queue.pop(0) if len(self._queue) > 1 else self._queue[0]

    def hold(self) -> None:
        self.waiting.set()
        self.released.wait(60)

    def prompts(self) -> list[Any]:
        """The bodies of all requests so far."""
        return [asked.json() for asked in self.asked]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Exchange:
    """One request and the ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: ModelServer, asked: Asked) -> None:
        self._handler = handler
        self.server = server
        self.asked = asked

    def whole(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self._handler.send_header(name, value)
        self._handler.send_header("Content-Length", str(len(raw)))
        self._handler.end_headers()
        self._handler.wfile.write(raw)

    def stream(self, events: Iterator[str]) -> None:
        """An event stream, a chunk per event. ``Cut`` among the events ends it in the middle."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self._handler.send_header("Transfer-Encoding", "chunked")
        self._handler.end_headers()
        try:
            for event in events:
                raw = event.encode()
                self._handler.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
                self._handler.wfile.flush()
        except Cut:
            self._handler.close_connection = True
            self._handler.connection.shutdown(2)
            return
        except OSError:
            self.server.gone.set()
            self._handler.close_connection = True
            return
        self._handler.wfile.write(b"0\r\n\r\n")

    def said_pieces(self, said: Said) -> Iterator[str]:
        """The text piece by piece, held or cut where the script says; None-sized failures are the
        protocol's own business."""
        for at, piece in enumerate(said.pieces()):
            if said.held_after == at:
                self.server.hold()
            if said.cut_after == at:
                raise Cut
            if said.fails_after == at:
                return
            yield piece


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    from tests.servers import models_anthropic, models_openai

    routes: dict[str, Callable[[Exchange], None]] = {
        "/v1/messages": models_anthropic.messages,
        "/v1/chat/completions": models_openai.chat,
        "/v1/embeddings": models_openai.embeddings,
        "/v1/images/generations": models_openai.images,
        "/v1/audio/transcriptions": models_openai.transcriptions,
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.path, headers, self.rfile.read(length))
            server.asked.append(asked)
            answer = routes.get(self.path.split("?")[0])
            if answer is None:
                self.send_error(404)
                return
            answer(Exchange(self, server, asked))

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
