"""Request id, log context, the canonical line, and security headers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from apps.common.context import bound_origin
from apps.common.errors import TOO_LARGE
from apps.common.parsers import MAX_BYTES, parse_json
from apps.common.problems import problem_response
from sage_studio.kernel import SageError

logger = structlog.get_logger("request")
_REQUEST_ID = re.compile(r"\A[A-Za-z0-9_-]{8,64}\Z")
# Addresses that let in whoever knows them; a log must not let anyone in.
_OPENS = re.compile(r"\A(/(?:shared|invite|api/v1/(?:shared|invitations))/)[^/]+")
Next = Callable[[HttpRequest], HttpResponse]


def request_context(get_response: Next) -> Next:
    """Give the request an id, bind it to all log lines, and write one line when it is answered."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
        started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        origin = {
            "ip": request.META.get("REMOTE_ADDR", ""),
            "user_agent": request.headers.get("User-Agent", "")[:200],
            "request_id": request.request_id,  # type: ignore[attr-defined]
        }
        with structlog.contextvars.bound_contextvars(request_id=request.request_id), bound_origin(origin):  # type: ignore[attr-defined]
            response = get_response(request)
            logger.info(
                "request_finished",
                method=request.method,
                path=_OPENS.sub(r"\1…", request.path),
                status=response.status_code,
                duration_ms=round((time.perf_counter() - started) * 1000, 1),
            )
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
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
        for name, value in _HEADERS.items():
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
