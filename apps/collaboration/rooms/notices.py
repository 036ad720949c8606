"""Why a socket is closed, in words its client can show: a frame just before the close."""

from __future__ import annotations

from apps.collaboration import errors
from apps.collaboration.wire import frames
from sage_studio.kernel import ErrorCode, Json, SageError

_MEGABYTE = 1024 * 1024


def notice(code: ErrorCode, facts: dict[str, Json] | None = None) -> bytes:
    """The frame for an error; its details let a client act on it."""
    error = SageError(code, facts or {})
    return frames.notice(
        {
            "code": code.code,
            "message": {"en": error.message("en"), "zh": error.message("zh")},
            "hint": {"en": error.hint("en"), "zh": error.hint("zh")},
            "details": dict(error.facts),
        }
    )


def too_large(size_bytes: int, limit_bytes: int) -> bytes:
    return notice(
        errors.TOO_LARGE,
        {"size_mb": round(size_bytes / _MEGABYTE, 1), "limit_mb": round(limit_bytes / _MEGABYTE, 1)},
    )
