"""Sends an HTTP request through the guarded client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.common_fields import time_limit, tries_again
from sage_studio.plugins.support.http.answers import READERS, file_name
from sage_studio.plugins.support.http.building import paging_of, request_of
from sage_studio.plugins.support.http.fields import ANSWER_FIELDS, BODY_FIELDS, PAGING_FIELDS
from sage_studio.plugins.support.http.sending import NOT_DONE, REPEATABLE, Request, opened, send
from sage_studio.sdk import (
    Choice,
    Chunk,
    Context,
    Effect,
    Field,
    FileRef,
    HttpResponse,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Rows,
    Settings,
    StreamedResponse,
    StreamNode,
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
NOT_JSON = define_error(
    "http_request.not_json",
    3224,
    en="The answer is not valid JSON: {reason}",
    zh="响应不是有效的 JSON：{reason}",
    hint_en="Choose “Automatic” or “Text” for the answer to see what came.",
    hint_zh="请将响应格式改为“自动”或“文本”查看返回内容。",
    status=502,
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_URL_SHOWN = 200


class HttpRequest(StreamNode):
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
            Port(
                name="items",
                type="array<any>",
                label=text("Items", "条目"),
                description=text(
                    "Of all pages, or lines, rows and events as they come.",
                    "所有分页的条目，或逐条到达的行与事件。",
                ),
                streams=True,
            ),
            Port(name="file", type="File", label=text("File", "文件")),
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
            *BODY_FIELDS,
            *ANSWER_FIELDS,
            *PAGING_FIELDS,
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
            tries_again(2, most=10),
            time_limit(30, most=600),
            Field(
                name="max_mb",
                type="number",
                label=text("Largest answer", "响应大小上限"),
                default=10,
                minimum=0.001,
                maximum=100_000,
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
        default_timeout_s=3_600,
        example={"config": {"url": "https://example.org/"}, "inputs": {}},
    )

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        method = str(config.get("method") or "GET")
        return "idempotent" if method in REPEATABLE or config.get("send_key") is True else "at_most_once"

    def __init__(self) -> None:
        self._given = 0
        self._skip = 0

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        made: dict[str, Any] = {}
        items: list[Any] = []
        async with aclosing(self.stream(ctx, inputs)) as parts:
            async for part in parts:
                items.extend(part.get("items", ()))
                made.update({name: value for name, value in part.items() if name != "items"})
        return {**made, "items": items}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncGenerator[NodeOutput, None]:
        settings = Settings(self.spec, ctx, inputs)
        request = request_of(ctx, settings)
        kind = settings.text("response")
        if settings.text("paging") != "none":
            parts = self._pages(ctx, request, settings)
        elif kind in READERS or kind == "file" or request.upload is not None:
            parts = self._streamed(ctx, request, settings, kind)
        else:
            parts = self._whole(ctx, request, settings, kind)
        async with aclosing(parts):
            async for part in parts:
                yield part

    async def _whole(
        self, ctx: Context, request: Request, settings: Settings, kind: str
    ) -> AsyncGenerator[NodeOutput, None]:
        response = await send(ctx, request)
        _ensure_fine(response.status, request, settings)
        yield _output(response, _body(response.content, response, kind))

    async def _streamed(
        self, ctx: Context, request: Request, settings: Settings, kind: str
    ) -> AsyncGenerator[NodeOutput, None]:
        """Read while it comes; what was given before a crash is left out the second time."""
        async with opened(ctx, request) as answer:
            _ensure_fine(answer.status, request, settings)
            if kind == "file":
                file = await _saved(ctx, answer, settings.text("file_name"))
                yield _output(answer, None, file)
                return
            if kind not in READERS:
                yield _output(answer, _body(await answer.read(), answer, kind))
                return
            async for chunk in READERS[kind](answer):
                yield {"items": self._new(chunk)}
            yield _output(answer, None)

    async def _pages(
        self, ctx: Context, request: Request, settings: Settings
    ) -> AsyncGenerator[NodeOutput, None]:
        paging = paging_of(settings)
        most_pages, most_items = settings.integer("max_pages"), settings.integer("max_items")
        page, given, following = 0, 0, paging.start(request)
        while True:
            asked = following
            response = await send(ctx, asked)
            _ensure_fine(response.status, asked, settings)
            body = _body(response.content, response, "auto")
            items = paging.items_of(body)
            if most_items and given + len(items) > most_items:
                items = items[: most_items - given]
            given += len(items)
            yield {"items": self._new(Chunk(items))}
            ctx.progress(page + 1, None)
            found = paging.next(asked, response.url, response.headers, body, page=page, given=given)
            page += 1
            is_enough = page >= most_pages or (most_items and given >= most_items)
            if found is None or found == asked or is_enough:
                if found is not None and is_enough:
                    ctx.log("pages_cut", level="warning", pages=page, items=given)
                yield _output(response, body)
                return
            following = found

    def _new(self, chunk: Any) -> Any:
        """Without what was given before."""
        rest = chunk[self._skip :] if self._skip else chunk
        self._skip -= len(chunk) - len(rest)
        self._given += len(rest)
        return rest if isinstance(rest, Rows) else Chunk(rest)

    def snapshot(self) -> Json:
        return {"items": self._given}

    def restore(self, state: Any) -> None:
        self._given = self._skip = state["items"]


def _output(answer: HttpResponse | StreamedResponse, body: Any, file: FileRef | None = None) -> NodeOutput:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return {"body": body, "status": answer.status, "headers": headers, "file": file}


def _ensure_fine(status: int, request: Request, settings: Settings) -> None:
    """Raises NodeError ``http_request.status``."""
    if status < 400 or settings.flag("any_status"):
        return
    url = request.url.split("?")[0][:_URL_SHOWN]
    facts: dict[str, Json] = {"method": request.method, "url": url, "status": status}
    retryable = status in NOT_DONE or (status >= 500 and request.repeatable)
    raise NodeError(BAD_STATUS, facts, retryable=retryable)


async def _saved(ctx: Context, answer: StreamedResponse, name: str) -> FileRef:
    mime = answer.headers.get("content-type", "").split(";")[0].strip()
    return await ctx.files.write(name or file_name(answer), mime, answer.chunks())


def _body(content: bytes, answer: HttpResponse | StreamedResponse, kind: str) -> Any:
    """``auto``: JSON when the answer says it is and keeps its word, else text."""
    mime = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    says_json = bool(content) and (mime == "application/json" or mime.endswith("+json"))
    if kind == "json" or (kind == "auto" and says_json):
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            if kind == "json":
                raise NodeError(NOT_JSON, {"reason": str(error)[:200]}) from error
    return answer.text() if hasattr(answer, "text") else content.decode("utf-8", "replace")
