"""A small, strict authorization server (RFC 6749, 7636): it refuses whatever is not exactly right."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

CLIENT_ID, CLIENT_SECRET = "studio", "client-s3cret-value"


@dataclass
class AuthorizationServer:
    """``lasts_s`` is how long a token holds; ``delay_s`` how long the token endpoint takes. ``rotates``
    hands out a new refresh token each time and takes the old one back."""

    lasts_s: int = 3600
    delay_s: float = 0.0
    rotates: bool = True
    basic: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    access_tokens: dict[str, float] = field(default_factory=dict)
    refuses: str = ""

    def __post_init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                status, shape = server.token(raw, dict(self.headers.items()))
                self.answer(status, shape)

            def do_GET(self) -> None:
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                good = server.access_tokens.get(token, 0) > time.time()
                self.answer(200 if good else 401, {"login": "ada"} if good else {"error": "invalid_token"})

            def answer(self, status: int, shape: dict[str, Any]) -> None:
                body = json.dumps(shape).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def authorize(self, address: str) -> dict[str, str]:
        """What the person's browser brings back from the page at ``address``, having said yes."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert len(query["code_challenge"]) == 43
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def token(self, raw: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        with self._lock:
            words = {name: values[0] for name, values in parse_qs(raw, strict_parsing=True).items()}
            self.asked.append(words)
        time.sleep(self.delay_s)
        with self._lock:
            return self._token(words, headers)

    def _token(self, words: dict[str, str], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if self.refuses:
            return 400, {"error": self.refuses, "error_description": "says the server"}
        if not self._knows(words, headers):
            return 401, {"error": "invalid_client"}
        match words.get("grant_type"):
            case "authorization_code":
                asked = self.codes.pop(words.get("code", ""), None)
                digest = hashlib.sha256(words.get("code_verifier", "").encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if asked is None or challenge != asked["code_challenge"]:
                    return 400, {"error": "invalid_grant"}
                if words.get("redirect_uri") != asked["redirect_uri"]:
                    return 400, {"error": "invalid_grant"}
                return 200, self._grant(refresh=True)
            case "refresh_token":
                token = words.get("refresh_token", "")
                if token not in self.refresh_tokens:
                    return 400, {"error": "invalid_grant", "error_description": "used or unknown"}
                if self.rotates:
                    self.refresh_tokens.discard(token)
                return 200, self._grant(refresh=self.rotates)
            case "client_credentials":
                return 200, self._grant(refresh=False)
        return 400, {"error": "unsupported_grant_type"}

    def _knows(self, words: dict[str, str], headers: dict[str, str]) -> bool:
        if self.basic:
            pair = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            return headers.get("Authorization") == f"Basic {pair}" and "client_secret" not in words
        return (words.get("client_id"), words.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)

    def _grant(self, *, refresh: bool) -> dict[str, Any]:
        access = secrets.token_urlsafe(24)
        self.access_tokens[access] = time.time() + self.lasts_s
        shape: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.lasts_s}
        if refresh:
            shape["refresh_token"] = secrets.token_urlsafe(24)
            self.refresh_tokens.add(shape["refresh_token"])
        return shape

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
