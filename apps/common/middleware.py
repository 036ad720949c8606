"""Request id, log context, the canonical line, and security headers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from apps.common.context import bound_origin
from apps.common.errors import TOO_LARGE
from apps.common.parsers import MAX_BYTES, parse_json
from apps.common.problems import problem_response
from sage_studio.kernel import JsonObject, SageError

logger = structlog.get_logger("request")
_REQUEST_ID = re.compile(r"\A[A-Za-z0-9_-]{8,64}\Z")
# Addresses that let in whoever knows them; a log must not let anyone in.
_OPENS = re.compile(r"\A(/(?:shared|invite|hooks|forms|api/v1/(?:shared|invitations))/)[^/]+(/runs/[^/]+)?")
Next = Callable[[HttpRequest], HttpResponse]


def request_context(get_response: Next) -> Next:
    """Give the request an id, bind it to all log lines, and write one line when it is answered."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        with named_request(request) as request_id:
            response = get_response(request)
            log_finished(request, response.status_code, started)
        response["X-Request-ID"] = request_id
        return response

    return middleware


@contextmanager
def named_request(request: HttpRequest) -> Iterator[str]:
    """Give the request an id, its own if it brings one, and bind it and where it comes from."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
    request.request_id = request_id  # type: ignore[attr-defined]
    structlog.contextvars.clear_contextvars()
    origin: JsonObject = {
        "ip": request.META.get("REMOTE_ADDR", ""),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:200],
        "request_id": request_id,
    }
    with structlog.contextvars.bound_contextvars(request_id=request_id), bound_origin(origin):
        yield request_id


def log_finished(request: HttpRequest, status: int, started: float) -> None:
    """The canonical line of a request that began at ``started`` (``time.perf_counter``)."""
    logger.info(
        "request_finished",
        method=request.method,
        path=loggable(request.path),
        status=status,
        duration_ms=round((time.perf_counter() - started) * 1000, 1),
    )


def loggable(path: str) -> str:
    """An address without what lets in whoever knows it."""
    return _OPENS.sub(r"\1…", path)


_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Links that open a flow or a workspace get posted in public places.
    "X-Robots-Tag": "noindex",
}


def security_headers(get_response: Next) -> Next:
    """Headers on every answer; a view that set its own stricter ones keeps them."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def strict_json_outside_the_api(get_response: Next) -> Next:
    """The sign-in library parses JSON leniently; hold its routes to the API's rules."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/_allauth/") and request.method not in ("GET", "HEAD"):
            try:
                if request.body:
                    parse_json(request.body)
            except RequestDataTooBig:
                return problem_response(request, SageError(TOO_LARGE, {"limit_bytes": MAX_BYTES}))
            except SageError as error:
                return problem_response(request, error)
        return get_response(request)

    return middleware
