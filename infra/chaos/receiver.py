"""The outside world of the flows: an HTTP service that is slow and knows repeats by their key."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

SLOWEST_S = 2.5


class _Server(ThreadingHTTPServer):
    """Callers that are killed in the middle of a request are nothing to talk about."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class Receiver:
    """Listens on a port of its own; ``effects`` counts by key what was done, ``calls`` what was asked."""

    def __init__(self, seed: int) -> None:
        self.effects: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.keys_of: dict[str, set[str]] = {}
        self.is_slow = True
        self._dice = Random(seed)  # noqa: S311 - repeatable, guards nothing
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        with self._lock:
            pause_s = self._dice.uniform(0.1, SLOWEST_S) if self.is_slow else 0.0
        time.sleep(pause_s)

    def note(self, tag: str, key: str) -> None:
        """A call with a key: the effect happens for a key that is new."""
        with self._lock:
            self.calls[key] += 1
            if self.calls[key] == 1:
                self.effects[key] += 1
            self.keys_of.setdefault(tag, set()).add(key)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.note(str(body["tag"]), str(self.headers.get("Idempotency-Key")))
                receiver.wait()
                self._answer({"twice": int(body["n"]) * 2})

            def do_GET(self) -> None:
                receiver.wait()
                n = parse_qs(urlsplit(self.path).query).get("n", ["0"])[0]
                self._answer({"twice": int(float(n)) * 2})

            def _answer(self, body: dict[str, Any]) -> None:
                raw = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                try:
                    self.wfile.write(raw)
                except OSError:
                    return  # whoever asked has been killed

            def log_message(self, *_: object) -> None:
                return

        return Handler
