"""One handler from any error to RFC 9457 ``application/problem+json`` with our code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import get_language
from rest_framework import exceptions, status
from rest_framework.response import Response

from apps.common import errors
from sage_studio.kernel import ErrorCode, JsonObject, SageError
from sage_studio.kernel.errors import Language

logger = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"


def language_of_request() -> Language:
    """``zh`` or ``en`` by Accept-Language or the person's choice (LocaleMiddleware has decided)."""
    return "zh" if (get_language() or "").startswith("zh") else "en"


def _flatten(detail: Any, path: str = "") -> Iterator[JsonObject]:
    """DRF's nested validation detail as a flat list of places."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            here = path if key == "non_field_errors" else f"{path}.{key}" if path else str(key)
            yield from _flatten(value, here)
    elif isinstance(detail, (list, tuple)):
        for index, value in enumerate(detail):
            nested = isinstance(value, (Mapping, list, tuple))
            yield from _flatten(value, f"{path}[{index}]" if nested else path)
    else:
        yield {"path": path, "code": str(getattr(detail, "code", "invalid")), "message": str(detail)}


def _places(error: SageError, language: Language) -> list[JsonObject]:
    items = getattr(error, "items", None)
    if items:
        return list(items)
    found: list[JsonObject] = [
        {"path": item.path, "code": item.code.code, "message": item.message(language)} for item in error.errors
    ]
    if not found and error.path:
        found.append({"path": error.path, "code": error.code.code, "message": error.message(language)})
    return found


def problem(code: ErrorCode, *, detail: str, hint: str, places: list[JsonObject], request_id: str) -> JsonObject:
    """The body of a problem document."""
    language = language_of_request()
    return {
        "type": f"/help/errors/{code.number}",
        "title": code.message[language] if "{" not in code.message[language] else detail,
        "status": code.status,
        "detail": detail,
        "code": code.code,
        "number": code.number,
        "hint": hint,
        "errors": list(places),
        "request_id": request_id,
    }


def body_for(error: SageError, request_id: str) -> JsonObject:
    language = language_of_request()
    return problem(
        error.code,
        detail=error.message(language),
        hint=error.hint(language),
        places=_places(error, language),
        request_id=request_id,
    )


def as_sage_error(error: Exception, method: str = "") -> SageError | None:
    """Our error for one of Django's or DRF's; None for an unexpected one."""
    match error:
        case SageError():
            return error
        case Http404():
            return errors.NotFound()
        case exceptions.PermissionDenied() if "CSRF" in str(error.detail):
            return SageError(errors.CSRF)
        case PermissionDenied() | exceptions.PermissionDenied():
            return errors.Forbidden()
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return errors.NotSignedIn()
        case exceptions.MethodNotAllowed():
            return SageError(errors.METHOD, {"method": method})
        case exceptions.UnsupportedMediaType():
            return SageError(errors.MEDIA_TYPE, {"media_type": "this media type"})
        case exceptions.Throttled():
            return SageError(errors.THROTTLED, {"wait_s": int(error.wait or 1)})
        case exceptions.ValidationError():
            invalid = errors.ApiError(errors.INVALID)
            invalid.items = list(_flatten(error.detail))  # type: ignore[attr-defined]
            return invalid
        case SuspiciousOperation() | exceptions.ParseError():
            return errors.ApiError(errors.INVALID)
        case exceptions.NotAcceptable():
            return errors.ApiError(errors.INVALID)
        case _:
            return None


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    request = context["request"]
    known = as_sage_error(error, request.method)
    if known is None:
        logger.exception("request_failed", exc_info=error)
        known = SageError(errors.INTERNAL)
    response = Response(
        body_for(known, getattr(request, "request_id", "")), status=known.code.status, content_type=CONTENT_TYPE
    )
    if known.code is errors.THROTTLED:
        response["Retry-After"] = str(known.facts["wait_s"])
    if known.code.status == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def problem_response(request: HttpRequest, error: SageError) -> JsonResponse:
    """The same document for plain Django views and middleware."""
    body = body_for(error, getattr(request, "request_id", ""))
    return JsonResponse(body, status=error.code.status, content_type=CONTENT_TYPE)
