"""Codes of errors any route can answer with (1xxx)."""

from __future__ import annotations

from sage_studio.kernel import JsonObject, SageError, define_error

INTERNAL = define_error(
    "internal",
    1000,
    status=500,
    retryable=True,
    en="Something went wrong on our side.",
    zh="服务器内部发生错误。",
    hint_en="Try again. If it happens again, tell the administrator the request id.",
    hint_zh="请重试；如再次出现，请把请求编号告知管理员。",
)
INVALID = define_error(
    "request.invalid",
    1001,
    en="The request has invalid values.",
    zh="请求中有无效的值。",
    hint_en="See the list of places and correct them.",
    hint_zh="请按列出的位置逐一更正。",
)
NOT_JSON = define_error(
    "request.not_json",
    1002,
    en="The request body is not valid JSON: {reason}.",
    zh="请求正文不是有效的 JSON：{reason_zh}。",
    hint_en="Send one JSON value in UTF-8.",
    hint_zh="请发送一个 UTF-8 编码的 JSON 值。",
)
TOO_LARGE = define_error(
    "request.too_large",
    1003,
    status=413,
    en="The request body is larger than {limit_bytes} bytes.",
    zh="请求正文超过 {limit_bytes} 字节。",
    hint_en="Send less at once.",
    hint_zh="请分批发送。",
)
NOT_SIGNED_IN = define_error(
    "auth.required",
    1010,
    status=401,
    en="You are not signed in.",
    zh="您尚未登录。",
    hint_en="Sign in and try again.",
    hint_zh="请登录后重试。",
)
FORBIDDEN = define_error(
    "auth.forbidden",
    1011,
    status=403,
    en="You are not allowed to do this.",
    zh="您没有执行此操作的权限。",
    hint_en="Ask an owner of the workspace for the right to do it.",
    hint_zh="请向工作区的所有者申请权限。",
)
NOT_FOUND = define_error(
    "not_found",
    1012,
    status=404,
    en="There is nothing here.",
    zh="未找到请求的内容。",
    hint_en="It may have been deleted, or it belongs to someone else.",
    hint_zh="它可能已被删除，或属于他人。",
)
METHOD = define_error(
    "request.method",
    1013,
    status=405,
    en="This address does not take {method}.",
    zh="此地址不支持 {method} 方法。",
)
CONFLICT = define_error(
    "conflict",
    1014,
    status=409,
    en="This conflicts with the current state.",
    zh="与当前状态冲突。",
    hint_en="Reload and try again.",
    hint_zh="请刷新后重试。",
)
THROTTLED = define_error(
    "request.throttled",
    1015,
    status=429,
    retryable=True,
    en="Too many requests. Wait {wait_s} seconds.",
    zh="请求过于频繁，请等待 {wait_s} 秒。",
)
MEDIA_TYPE = define_error(
    "request.media_type",
    1016,
    status=415,
    en="This address does not take this type of content.",
    zh="此地址不接受这种类型的内容。",
    hint_en="Send application/json.",
    hint_zh="请使用 application/json。",
)
CSRF = define_error(
    "auth.csrf",
    1017,
    status=403,
    en="The request did not carry the anti-forgery token.",
    zh="请求缺少防伪令牌。",
    hint_en="Reload the page and try again.",
    hint_zh="请刷新页面后重试。",
)
IDEMPOTENCY_KEY = define_error(
    "request.idempotency_key",
    1018,
    en="The Idempotency-Key must be 1 to {limit} printable characters.",
    zh="Idempotency-Key 必须是 1 到 {limit} 个可打印字符。",
)
IDEMPOTENCY_MISMATCH = define_error(
    "request.idempotency_mismatch",
    1019,
    status=422,
    en="This Idempotency-Key was used for a different request.",
    zh="此 Idempotency-Key 已用于另一个请求。",
    hint_en="Use a new key for a new request.",
    hint_zh="新的请求请使用新的键。",
)
IDEMPOTENCY_BUSY = define_error(
    "request.idempotency_busy",
    1020,
    status=409,
    retryable=True,
    en="The first request with this Idempotency-Key is still running.",
    zh="使用此键的第一个请求仍在处理中。",
)
# Said by the proxy when no web process can say anything (infra/proxy/site.conf.template).
PROXY_UNANSWERED = define_error(
    "proxy.unanswered",
    1021,
    status=503,
    retryable=True,
    en="SAGE Studio does not answer just now.",
    zh="SAGE Studio 暂时没有响应。",
    hint_en="Nothing was changed. Try again in a moment.",
    hint_zh="没有任何更改，请稍后重试。",
)
PROXY_LOST = define_error(
    "proxy.lost",
    1022,
    status=502,
    en="The connection was lost while the request was being worked on. It may have been carried out.",
    zh="处理请求时连接中断，请求可能已经执行。",
    hint_en="Look whether it was done before you send it again, or send it with the same Idempotency-Key.",
    hint_zh="请先确认是否已完成再重新发送，或使用相同的 Idempotency-Key 重新发送。",
)


class ApiError(SageError):
    """An error of the HTTP layer; the subclasses below exist so that callers need no code object."""


class NotFound(ApiError):
    """Unknown, deleted, or another workspace's: the three look the same from outside."""

    def __init__(self) -> None:
        super().__init__(NOT_FOUND)


class Forbidden(ApiError):
    """The person is a member but the role lacks the right."""

    def __init__(self) -> None:
        super().__init__(FORBIDDEN)


class NotSignedIn(ApiError):
    """No session and no token."""

    def __init__(self) -> None:
        super().__init__(NOT_SIGNED_IN)


class Invalid(ApiError):
    """Values are wrong; each item is ``{path, code, message}``."""

    def __init__(self, path: str, code: str, message: str) -> None:
        super().__init__(INVALID, {}, path=path)
        self.items: list[JsonObject] = [{"path": path, "code": code, "message": message}]

    @classmethod
    def of(cls, items: list[JsonObject]) -> Invalid:
        """Several places at once."""
        invalid = cls("", "", "")
        invalid.items = items
        return invalid
