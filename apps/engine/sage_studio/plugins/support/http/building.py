"""A request out of the fields of a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sage_studio.kernel import define_error
from sage_studio.plugins.support.http.paging import Paging
from sage_studio.plugins.support.http.sending import REPEATABLE, Request
from sage_studio.plugins.support.http.uploads import file_upload, form_upload, mime_of
from sage_studio.sdk import Context, NodeError, Settings

BAD_BODY = define_error(
    "http_request.body",
    3222,
    en="The body is not valid JSON: {reason}.",
    zh="请求体不是有效的 JSON：{reason}。",
    hint_en="Correct the body, or send it as text.",
    hint_zh="请修正请求体，或以文本方式发送。",
    status=422,
)

NO_FILE = define_error(
    "http_request.no_file",
    3223,
    en="There is no file to send.",
    zh="没有可上传的文件。",
    hint_en="Choose one in the node, or connect one to “Files”.",
    hint_zh="请在节点中选择文件，或将文件连接到“文件”。",
    status=422,
)


def request_of(ctx: Context, settings: Settings) -> Request:
    method = settings.text("method")
    headers = {name: str(value) for name, value in settings.mapping("headers").items()}
    body = _content(ctx, settings)
    if body["mime"] and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = body["mime"]
    send_key = settings.flag("send_key")
    if send_key:
        headers["Idempotency-Key"] = ctx.idempotency_key
    return Request(
        method=method,
        url=settings.text("url").strip(),
        headers=headers,
        params={name: str(value) for name, value in settings.mapping("query").items() if value is not None},
        content=body["content"],
        upload=body.get("upload"),
        upload_bytes=body.get("size"),
        credential=settings.text("credential") or None,
        timeout_s=settings.number("timeout_s"),
        idle_s=settings.number("timeout_s"),
        max_bytes=int(settings.number("max_mb") * 1_000_000),
        repeatable=method in REPEATABLE or send_key,
        retries=settings.integer("retries"),
    )


def paging_of(settings: Settings) -> Paging:
    kind = settings.text("paging")
    return Paging(
        kind=kind,
        path=settings.text("next_path"),
        items=settings.text("items_path"),
        param=settings.text("page_param"),
        first=settings.integer("first_page"),
    )


def _content(ctx: Context, settings: Settings) -> dict[str, Any]:
    """``content``, or ``upload`` and its ``size``; ``mime`` where the body has one."""
    kind, body = settings.text("body_type"), settings.raw("body")
    if kind == "none":
        return {"content": None, "mime": ""}
    if kind in {"file", "multipart"}:
        return _upload(ctx, settings, kind, body)
    if kind == "form":
        fields = body if isinstance(body, Mapping) else {}
        encoded = urlencode({name: str(value) for name, value in fields.items()}).encode()
        return {"content": encoded, "mime": "application/x-www-form-urlencoded"}
    if kind == "text":
        plain = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return {"content": plain.encode(), "mime": "text/plain; charset=utf-8"}
    return {"content": _json_bytes(body), "mime": "application/json"}


def _upload(ctx: Context, settings: Settings, kind: str, body: Any) -> dict[str, Any]:
    """Raises NodeError ``http_request.no_file``."""
    files = settings.files("files")
    if kind == "multipart":
        fields = body if isinstance(body, Mapping) else {}
        upload, mime = form_upload(ctx, fields, settings.text("file_field"), files, ctx.idempotency_key)
        return {"content": None, "upload": upload, "mime": mime}
    if not files:
        raise NodeError(NO_FILE, path="config.files")
    size = files[0]["size_bytes"] or None
    return {
        "content": None, "upload": file_upload(ctx, files[0]), "size": size, "mime": mime_of(files[0]),
    }  # fmt: skip


def _json_bytes(body: Any) -> bytes:
    try:
        value = json.loads(body) if isinstance(body, str) else body
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise NodeError(BAD_BODY, {"reason": str(error)}, path="config.body") from error
