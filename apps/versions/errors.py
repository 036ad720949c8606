"""Codes of errors about versions (80xx)."""

from __future__ import annotations

from sage_studio.kernel import SageError, define_error

NOTHING_TO_COMMIT = define_error(
    "version.unchanged",
    8001,
    status=409,
    en="Nothing has changed since version {number}.",
    zh="自版本 {number} 以来没有任何改动。",
    hint_en="Change the flow first, then commit.",
    hint_zh="请先修改流程，再提交版本。",
)
ROLLBACK_CONFLICT = define_error(
    "version.rollback_conflict",
    8002,
    status=409,
    retryable=True,
    en="Someone changed the flow while it was being rolled back.",
    zh="回滚期间有人修改了流程。",
    hint_en="Look at the flow as it is now and roll back again.",
    hint_zh="请查看流程的当前内容后重新回滚。",
)


class VersionError(SageError):
    """A version cannot be made or used; the code says why."""
