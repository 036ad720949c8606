"""OpenAI's chat completions, embeddings, images and audio, as its reference describes them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.servers.models import Exchange, Said

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_STATUS_KINDS = {400: "invalid_request_error", 401: "invalid_request_error", 429: "requests"}
_BEGUN = {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "created": 1_741_569_952}


def chat(exchange: Exchange) -> None:
    request = _checked(exchange, ("model", "messages"))
    if request is None:
        return
    if (problem := _bad_turns(request["messages"]) or _bad_shape(request)) is not None:
        exchange.whole(400, _error("invalid_request_error", problem))
        return
    said = exchange.server.next(request)
    if said.status != 200:
        kind = said.kind or _STATUS_KINDS.get(said.status, "server_error")
        exchange.whole(said.status, _error(kind, said.message, said.code or None), said.headers)
    elif request.get("stream"):
        exchange.stream(_chunks(exchange, request, said))
    else:
        exchange.whole(200, _completion(request, said))


def embeddings(exchange: Exchange) -> None:
    """A vector counts the letters of its text: equal texts meet, and tests can tell what was embedded."""
    request = _checked(exchange, ("model", "input"))
    if request is None:
        return
    texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    entries = [
        {"object": "embedding", "index": at, "embedding": letters(text)} for at, text in enumerate(texts)
    ]
    tokens = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = {"object": "list", "data": entries[::-1], "model": request["model"], "usage": usage}
    exchange.whole(200, body)


def letters(text: str) -> list[float]:
    counts = [float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]
    return [*counts, float(len(text))]


def images(exchange: Exchange) -> None:
    request = _checked(exchange, ("prompt",))
    if request is None:
        return
    picture = base64.b64encode(exchange.server.media.get("image", PNG)).decode()
    body: dict[str, Any] = {
        "created": 1_713_833_628,
        "data": [{"b64_json": picture} for _ in range(int(request.get("n", 1)))],
    }
    if str(request.get("model", "")).startswith("gpt-image"):
        details = {"text_tokens": 10, "image_tokens": 0}
        usage = {"total_tokens": 4_170, "input_tokens": 10, "output_tokens": 4_160}
        body["usage"] = {**usage, "input_tokens_details": details}
    exchange.whole(200, body)


def transcriptions(exchange: Exchange) -> None:
    if _unauthorised(exchange):
        return
    parts = _form(exchange.asked.headers.get("content-type", ""), exchange.asked.body)
    if "file" not in parts or "model" not in parts:
        exchange.whole(400, _error("invalid_request_error", "file and model are required"))
        return
    exchange.server.media["heard"] = parts
    body: dict[str, Any] = {"text": exchange.server.media.get("said", "Hello there.")}
    if parts.get("response_format") == b"verbose_json":
        segment = {"id": 0, "seek": 0, "start": 0.0, "end": 1.5, "text": body["text"], "tokens": [1]}
        body |= {"task": "transcribe", "language": "english", "duration": 1.5, "segments": [segment]}
    else:
        body["usage"] = {"type": "duration", "seconds": 2}
    exchange.whole(200, body)


def _form(kind: str, body: bytes) -> dict[str, bytes]:
    boundary = re.search(r"boundary=([^;]+)", kind)
    parts: dict[str, bytes] = {}
    for part in body.split(b"--" + boundary[1].encode() if boundary else b"\x00")[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        if name:
            parts[name[1].decode()] = content.removesuffix(b"\r\n")
    return parts


def _error(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _unauthorised(exchange: Exchange) -> bool:
    from tests.servers.models import KEY

    if exchange.server.media.get("open") or exchange.asked.headers.get("authorization") == f"Bearer {KEY}":
        return False
    error = _error("invalid_request_error", "Incorrect API key provided", "invalid_api_key")
    exchange.whole(401, error)
    return True


def _checked(exchange: Exchange, needed: tuple[str, ...]) -> Any:
    """The request, or None when it was refused."""
    if _unauthorised(exchange):
        return None
    request = exchange.asked.json()
    missing = [name for name in needed if not request.get(name)]
    if missing:
        message = f"Missing required parameter: '{missing[0]}'."
        exchange.whole(400, _error("invalid_request_error", message, "missing_required_parameter"))
        return None
    return request


def _bad_turns(turns: list[Any]) -> str | None:
    called: set[str] = set()
    for at, turn in enumerate(turns):
        if turn["role"] == "tool":
            if turn.get("tool_call_id") not in called:
                return (
                    f"messages.[{at}].role 'tool' must be a response to a preceding message with 'tool_calls'"
                )
            called.discard(turn["tool_call_id"])
            continue
        if called:
            return "An assistant message with 'tool_calls' must be followed by tool messages"
        called = {call["id"] for call in turn.get("tool_calls", ())}
    return "An assistant message with 'tool_calls' must be followed by tool messages" if called else None


def _bad_shape(request: Any) -> str | None:
    shape = request.get("response_format", {}).get("json_schema")
    if shape is None or not shape.get("strict"):
        return None
    schema = shape["schema"]
    if schema.get("additionalProperties") is not False:
        return "Invalid schema for response_format: 'additionalProperties' is required to be false"
    if set(schema.get("properties", {})) != set(schema.get("required", ())):
        return "Invalid schema for response_format: 'required' must list every key in properties"
    return None


def _usage(said: Said) -> dict[str, Any]:
    """Here what came from the cache is part of the prompt's tokens."""
    prompt = said.input_tokens + said.cache_read
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said.output_tokens,
        "total_tokens": prompt + said.output_tokens,
        "prompt_tokens_details": {"cached_tokens": said.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _finish(said: Said) -> str:
    return said.stop_reason or ("tool_calls" if said.calls else "stop")


def _written(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given)


def _completion(request: Any, said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": None}
    if said.calls:
        message["tool_calls"] = [
            {"id": f"call_{number}", "type": "function", "function": _function(name, given)}
            for number, (name, given) in enumerate(said.calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(said)}
    shape = {**_BEGUN, "object": "chat.completion", "model": request["model"]}
    return {**shape, "choices": [choice], "usage": _usage(said)}


def _function(name: str, given: Any) -> dict[str, str]:
    return {"name": name, "arguments": _written(given)}


def _chunks(exchange: Exchange, request: Any, said: Said) -> Iterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = {**_BEGUN, "object": "chat.completion.chunk", "model": request["model"], "choices": [choice]}
        return f"data: {json.dumps(body)}\n\n"

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in exchange.said_pieces(said):
        yield chunk({"content": piece})
    if said.fails_after is not None:
        error = _error(said.kind or "server_error", said.message, said.code or None)
        yield f"data: {json.dumps(error)}\n\n"
        return
    for number, (name, given) in enumerate(said.calls):
        call: dict[str, Any] = {"index": number, "id": f"call_{number}", "type": "function"}
        yield chunk({"tool_calls": [{**call, "function": {"name": name, "arguments": ""}}]})
        written = _written(given)
        for start in range(0, len(written), 7):
            piece = written[start : start + 7]
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    yield chunk({}, _finish(said))
    if request.get("stream_options", {}).get("include_usage"):
        last = {**_BEGUN, "object": "chat.completion.chunk", "model": request["model"], "choices": []}
        yield f"data: {json.dumps({**last, 'usage': _usage(said)})}\n\n"
    yield "data: [DONE]\n\n"
