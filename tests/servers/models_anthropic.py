"""Anthropic's Messages protocol, as its reference describes it (``anthropic-version: 2023-06-01``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.servers.models import Exchange, Said

_STATUS_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def messages(exchange: Exchange) -> None:
    from tests.servers.models import Refusal

    try:
        request = _checked(exchange)
    except Refusal as refusal:
        exchange.whole(refusal.status, _error(_STATUS_KINDS[refusal.status], str(refusal)))
        return
    said = exchange.server.next(request)
    if said.status != 200:
        kind = said.kind or _STATUS_KINDS.get(said.status, "api_error")
        exchange.whole(said.status, _error(kind, said.message), said.headers)
    elif request.get("stream"):
        exchange.stream(_events(exchange, request, said))
    else:
        exchange.whole(200, _message(request, said))


def _error(kind: str, message: str) -> dict[str, Any]:
    error = {"type": kind, "message": message}
    return {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


def _checked(exchange: Exchange) -> Any:
    """What the service insists on. Raises Refusal."""
    from tests.servers.models import KEY, Refusal

    headers = exchange.asked.headers
    if headers.get("x-api-key") != KEY:
        raise Refusal("invalid x-api-key", 401)
    if "anthropic-version" not in headers:
        raise Refusal("anthropic-version: header is required")
    request = exchange.asked.json()
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if not isinstance(request.get(name), kind):
            raise Refusal(f"{name}: Field required")
    _check_turns(request["messages"])
    shape = request.get("output_config", {}).get("format")
    if shape is not None:
        _check_closed(shape["schema"])
    if "tool_choice" in request and not request.get("tools"):
        raise Refusal("tool_choice may only be specified while providing tools")
    return request


def _check_turns(turns: list[Any]) -> None:
    from tests.servers.models import Refusal

    if not turns or turns[0]["role"] != "user":
        raise Refusal("messages: first message must use the user role")
    called: set[str] = set()
    for at, turn in enumerate(turns):
        blocks = turn["content"] if isinstance(turn["content"], list) else []
        if turn["content"] in ("", []):
            raise Refusal(f"messages.{at}: content must be non-empty")
        answered = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if answered != called:
            missing = ", ".join(sorted(called ^ answered))
            raise Refusal(
                f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{missing}"
            )
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}
    if called:
        raise Refusal("messages: the last turn calls tools that nobody has answered")


def _check_closed(schema: Any) -> None:
    from tests.servers.models import Refusal

    if isinstance(schema, dict):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            raise Refusal("output_config.format.schema: additionalProperties must be false for objects")
        for value in schema.values():
            _check_closed(value)
    elif isinstance(schema, list):
        for value in schema:
            _check_closed(value)


def _usage(said: Said, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": said.input_tokens,
        "cache_creation_input_tokens": said.cache_write,
        "cache_read_input_tokens": said.cache_read,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _stop_reason(said: Said) -> str:
    return said.stop_reason or ("tool_use" if said.calls else "end_turn")


def _call_id(said: Said, number: int) -> str:
    return f"toolu_{abs(hash((said.text, number, len(said.calls)))) % 10**8:08d}{number}"


def _message(request: Any, said: Said) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
    content += [
        {"type": "tool_use", "id": _call_id(said, number), "name": name, "input": given}
        for number, (name, given) in enumerate(said.calls)
    ]
    return {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": content,
        "stop_reason": _stop_reason(said),
        "stop_sequence": None,
        "usage": _usage(said, said.output_tokens),
    }


def _event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"


def _events(exchange: Exchange, request: Any, said: Said) -> Iterator[str]:
    begun = {**_message(request, said), "content": [], "stop_reason": None, "usage": _usage(said, 1)}
    yield _event("message_start", message=begun)
    yield _event("ping")
    index = 0
    if said.text:
        yield _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in exchange.said_pieces(said):
            yield _event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        if said.fails_after is not None:
            kind = said.kind or "overloaded_error"
            yield f"event: error\ndata: {json.dumps(_error(kind, said.message))}\n\n"
            return
        yield _event("content_block_stop", index=index)
        index += 1
    for number, (name, given) in enumerate(said.calls):
        block = {"type": "tool_use", "id": _call_id(said, number), "name": name, "input": {}}
        yield _event("content_block_start", index=index, content_block=block)
        written = json.dumps(given)
        for start in range(0, len(written), 7):
            delta = {"type": "input_json_delta", "partial_json": written[start : start + 7]}
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
        index += 1
    ended = {"stop_reason": _stop_reason(said), "stop_sequence": None}
    yield _event("message_delta", delta=ended, usage={"output_tokens": said.output_tokens})
    yield _event("message_stop")
