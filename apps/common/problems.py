"""One handler from any error to RFC 9457 ``application/problem+json`` with our code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
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


def in_words(en: str, zh: str) -> str:
    """One of two sentences, for what a request says wrong without a code of its own."""
    return zh if language_of_request() == "zh" else en


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
    if isinstance(error, errors.Invalid):
        return list(error.items)
    found: list[JsonObject] = [
        {"path": item.path, "code": item.code.code, "message": item.message(language)}
        for item in error.errors
    ]
    if not found and error.path:
        found.append({"path": error.path, "code": error.code.code, "message": error.message(language)})
    return found


def problem(
    code: ErrorCode, *, detail: str, hint: str, places: list[JsonObject], request_id: str
) -> JsonObject:
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


def _invalid(error: exceptions.ValidationError) -> SageError:
    return errors.Invalid.of(list(_flatten(error.detail)))


def _forbidden(error: exceptions.PermissionDenied) -> SageError:
    return SageError(errors.CSRF) if "CSRF" in str(error.detail) else errors.Forbidden()


def _throttled(error: exceptions.Throttled) -> SageError:
    return SageError(errors.THROTTLED, {"wait_s": int(getattr(error, "wait", None) or 1)})


def _too_big(_: Exception) -> SageError:
    return SageError(errors.TOO_LARGE, {"limit_bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE})


# The first matching class decides.
_TRANSLATIONS: tuple[tuple[type[Exception], Callable[[Any], SageError]], ...] = (
    (SageError, lambda error: error),
    (Http404, lambda _: errors.NotFound()),
    (exceptions.PermissionDenied, _forbidden),
    (PermissionDenied, lambda _: errors.Forbidden()),
    (exceptions.NotAuthenticated, lambda _: errors.NotSignedIn()),
    (exceptions.AuthenticationFailed, lambda _: errors.NotSignedIn()),
    (exceptions.UnsupportedMediaType, lambda _: SageError(errors.MEDIA_TYPE)),
    (exceptions.Throttled, _throttled),
    (exceptions.ValidationError, _invalid),
    (exceptions.ParseError, lambda _: errors.ApiError(errors.INVALID)),
    (exceptions.NotAcceptable, lambda _: errors.ApiError(errors.INVALID)),
    (RequestDataTooBig, _too_big),
    (SuspiciousOperation, lambda _: errors.ApiError(errors.INVALID)),
)


def as_sage_error(error: Exception, method: str = "") -> SageError | None:
    """Our error for one of Django's or DRF's; None for an unexpected one."""
    if isinstance(error, exceptions.MethodNotAllowed):
        return SageError(errors.METHOD, {"method": method})
    return next((translate(error) for kind, translate in _TRANSLATIONS if isinstance(error, kind)), None)


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    request = context["request"]
    known = as_sage_error(error, request.method)
    if known is None:
        logger.error("request_failed", exc_info=error)
        known = SageError(errors.INTERNAL)
    response = Response(
        body_for(known, getattr(request, "request_id", "")),
        status=known.code.status,
        content_type=CONTENT_TYPE,
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
