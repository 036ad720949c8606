"""What can be wrong with a service file."""

from __future__ import annotations

from pydantic import ValidationError

from sage_studio.kernel import SageError, define_error

BAD_SERVICE = define_error(
    "service.bad_file",
    3810,
    en="The service file is wrong: {reason}",
    zh="服务文件有误：{reason}",
    hint_en="PLUGINS.md shows a whole service file.",
    hint_zh="PLUGINS.md 中有完整的服务文件示例。",
    status=422,
)


def bad_service(reason: str) -> SageError:
    return SageError(BAD_SERVICE, {"reason": reason[:400]})


def reason_of(error: ValidationError) -> str:
    """The first things a shape says no to, in one line."""
    shown = error.errors(include_url=False, include_input=False)[:3]
    return "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in shown)
