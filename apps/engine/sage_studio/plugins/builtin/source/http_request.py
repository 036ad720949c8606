"""Sends an HTTP request through the guarded client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sage_studio.kernel import Json, SageError, define_error
from sage_studio.plugins.support.retry_after import retry_after_s
from sage_studio.sdk import (
    Choice,
    Context,
    Effect,
    Field,
    HttpResponse,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

BAD_STATUS = define_error(
    "http_request.status",
    3221,
    en="{method} {url} answered with status {status}.",
    zh="{method} {url} 返回状态码 {status}。",
    hint_en="Check the address, the credential and what the service expects; or let the node pass "
    "such answers on (“Any status is fine”).",
    hint_zh="请检查地址、凭据以及服务的要求；也可开启“接受任何状态码”让节点继续。",
    status=502,
)
BAD_BODY = define_error(
    "http_request.body",
    3222,
    en="The body is not valid JSON: {reason}.",
    zh="请求体不是有效的 JSON：{reason}。",
    hint_en="Correct the body, or send it as text.",
    hint_zh="请修正请求体，或以文本方式发送。",
    status=422,
)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REPEATABLE = _SAFE | {"PUT", "DELETE"}
_NOT_DONE = frozenset({429, 503})
_LONGEST_WAIT_S = 60.0
_URL_SHOWN = 200


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]
    params: dict[str, str]
    content: bytes | None
    credential: str | None
    timeout_s: float
    max_bytes: int
    repeatable: bool
    retries: int = field(default=0)


class HttpRequest(Node):
    """Answers of 429 and 5xx are tried again as the service asks (``Retry-After``).

    A ``POST`` or ``PATCH`` is only repeated when the service says it did nothing (429, 503), or
    when it is sent with a key by which the service recognises a repeat.
    """

    spec = NodeSpec(
        id="http_request",
        name=text("HTTP request", "HTTP 请求"),
        description=text(
            "Calls an address and gives its answer. Private networks are out of reach.",
            "请求一个网址并输出其响应。无法访问内部网络。",
        ),
        category="source",
        icon="globe",
        gives_all=True,
        effect="at_most_once",
        inputs=(Port(name="value", type="any", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="body", type="any", label=text("Body", "响应体")),
            Port(name="status", type="integer", label=text("Status", "状态码")),
            Port(name="headers", type="object", label=text("Headers", "响应头")),
        ),
        config=(
            Field(
                name="method",
                label=text("Method", "方法"),
                default="GET",
                control="select",
                options=tuple(Choice(value=method, label=text(method, method)) for method in _METHODS),
            ),
            Field(
                name="url",
                label=text("Address", "网址"),
                help=text(
                    "One that starts with / is an address of this instance (only its public routes).",
                    "以 / 开头表示本实例的地址（仅限公开路由）。",
                ),
                default="",
                required=True,
                max_length=4_000,
                placeholder=text("https://example.org/", "https://example.org/"),
                wireable=True,
            ),
            Field(
                name="query",
                type="object",
                label=text("Query", "查询参数"),
                default={},
                control="key_value",
            ),
            Field(
                name="headers",
                type="object",
                label=text("Headers", "请求头"),
                help=text("Secrets belong into a credential.", "密钥请放入凭据。"),
                default={},
                control="key_value",
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                help=text("Sent only to the hosts it allows.", "仅发送给凭据允许的主机。"),
                default="",
                control="credential",
                credential_kinds=("api_key", "bearer", "basic", "query_key", "oauth2"),
                expression="never",
            ),
            Field(
                name="body_type",
                label=text("Body", "请求体类型"),
                default="none",
                control="select",
                expression="never",
                options=(
                    Choice(value="none", label=text("None", "无")),
                    Choice(value="json", label=text("JSON", "JSON")),
                    Choice(value="text", label=text("Text", "文本")),
                    Choice(value="form", label=text("Form", "表单")),
                ),
            ),
            Field(
                name="body",
                type="any",
                label=text("Content", "请求体"),
                default="",
                control="code",
                wireable=True,
                show_when={"body_type": ("json", "text", "form")},
            ),
            Field(
                name="any_status",
                type="boolean",
                label=text("Any status is fine", "接受任何状态码"),
                help=text(
                    "Off: an answer of 400 or more is a failure of the node.",
                    "关闭时，状态码不小于 400 视为节点失败。",
                ),
                default=False,
                control="switch",
            ),
            Field(
                name="retries",
                type="integer",
                label=text("Try again", "重试次数"),
                default=2,
                minimum=0,
                maximum=10,
                unit=text("times", "次"),
                expert=True,
            ),
            Field(
                name="timeout_s",
                type="number",
                label=text("Time limit", "超时时间"),
                default=30,
                minimum=0.1,
                maximum=600,
                unit=text("seconds", "秒"),
                expert=True,
            ),
            Field(
                name="max_mb",
                type="number",
                label=text("Largest answer", "响应大小上限"),
                default=10,
                minimum=0.001,
                maximum=100,
                unit=text("MB", "MB"),
                expert=True,
            ),
            Field(
                name="send_key",
                type="boolean",
                label=text("Send a repeat key", "发送幂等键"),
                help=text(
                    "An Idempotency-Key header, the same for every attempt, for services that know it.",
                    "发送 Idempotency-Key 请求头，各次尝试保持一致，适用于支持它的服务。",
                ),
                default=False,
                control="switch",
                expert=True,
            ),
        ),
        summary=text("{method} {url}", "{method} {url}"),
        default_timeout_s=900,
        example={"config": {"url": "https://example.org/"}, "inputs": {}},
    )

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        method = config.get("method") or "GET"
        return "idempotent" if method in _REPEATABLE or config.get("send_key") is True else "at_most_once"

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        request = _request(settings, ctx.idempotency_key)
        response = await _send(ctx, request)
        if response.status >= 400 and not settings.flag("any_status"):
            facts: dict[str, Json] = {
                "method": request.method,
                "url": request.url.split("?")[0][:_URL_SHOWN],
                "status": response.status,
            }
            retryable = response.status in _NOT_DONE or (response.status >= 500 and request.repeatable)
            raise NodeError(BAD_STATUS, facts, retryable=retryable)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return {"body": _body(response, headers), "status": response.status, "headers": headers}


def _request(settings: Settings, key: str) -> _Request:
    method = settings.text("method")
    headers = {name: str(value) for name, value in settings.mapping("headers").items()}
    content, mime = _content(settings)
    if mime and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = mime
    send_key = settings.flag("send_key")
    if send_key:
        headers["Idempotency-Key"] = key
    return _Request(
        method=method,
        url=settings.text("url").strip(),
        headers=headers,
        params={name: str(value) for name, value in settings.mapping("query").items() if value is not None},
        content=content,
        credential=settings.text("credential") or None,
        timeout_s=settings.number("timeout_s"),
        max_bytes=int(settings.number("max_mb") * 1_000_000),
        repeatable=method in _REPEATABLE or send_key,
        retries=settings.integer("retries"),
    )


def _content(settings: Settings) -> tuple[bytes | None, str]:
    kind, body = settings.text("body_type"), settings.raw("body")
    if kind == "none":
        return None, ""
    if kind == "form":
        fields = body if isinstance(body, Mapping) else {}
        return urlencode({name: str(value) for name, value in fields.items()}).encode(), (
            "application/x-www-form-urlencoded"
        )
    if kind == "text":
        plain = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return plain.encode(), "text/plain; charset=utf-8"
    return _json_bytes(body), "application/json"


def _json_bytes(body: Any) -> bytes:
    try:
        value = json.loads(body) if isinstance(body, str) else body
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise NodeError(BAD_BODY, {"reason": str(error)}, path="config.body") from error


async def _send(ctx: Context, request: _Request) -> HttpResponse:
    """Send, and send again while it makes sense. The last answer or failure counts."""
    for attempt in range(request.retries + 1):
        last = attempt == request.retries
        try:
            response = await ctx.http.request(
                request.method,
                request.url,
                headers=request.headers,
                params=request.params or None,
                content=request.content,
                timeout_s=request.timeout_s,
                max_bytes=request.max_bytes,
                credential=request.credential,
            )
        except SageError as error:
            if last or not (error.can_retry and request.repeatable):
                raise
            wait_s = _backoff(attempt)
            ctx.log("retry", level="warning", reason=error.code.code, wait_s=wait_s)
        else:
            again = response.status in _NOT_DONE or (response.status >= 500 and request.repeatable)
            if last or not again:
                return response
            wait_s = min(retry_after_s(response.headers), _LONGEST_WAIT_S) or _backoff(attempt)
            ctx.log("retry", level="warning", status=response.status, wait_s=wait_s)
        await asyncio.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")


def _backoff(attempt: int) -> float:
    return float(min(0.5 * 2**attempt, _LONGEST_WAIT_S))


def _body(response: HttpResponse, headers: Mapping[str, str]) -> Any:
    """JSON when the answer says it is and keeps its word, else text."""
    mime = headers.get("content-type", "").split(";")[0].strip().lower()
    if response.content and (mime == "application/json" or mime.endswith("+json")):
        try:
            return response.json()
        except (ValueError, RecursionError, SageError):
            return response.text()
    return response.text()
