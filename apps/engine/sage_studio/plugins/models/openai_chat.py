"""OpenAI's chat completions, through the ``openai`` SDK: its own service and the many that speak like it
(Ollama, vLLM, LM Studio, llama.cpp, DeepSeek, Qwen …)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.models.asking import Prompt, sdk
from sage_studio.plugins.models.errors import BAD_ANSWER, BROKEN_OFF
from sage_studio.plugins.models.failures import repeated
from sage_studio.plugins.models.schemas import closed, is_strict
from sage_studio.plugins.models.transport import Endpoint, http_client
from sage_studio.sdk import LlmMessage, LlmReply, LlmTool, NodeError, ToolCall, Usage, tokens_in

ADDRESS = "https://api.openai.com/v1"
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_MAX_CALLS = 128


def auth_headers(key: str, organization: str = "") -> dict[str, str]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return {**headers, "openai-organization": organization} if organization else headers


def client_of(library: Any, endpoint: Endpoint, http: httpx2.AsyncClient) -> Any:
    """The SDK's client. It is given a key of no value, so that it looks for none of its own; the one that
    is sent is the endpoint's."""
    return library.AsyncOpenAI(
        api_key="-", base_url=endpoint.address, http_client=http, max_retries=0, timeout=None
    )


class OpenAiChat:
    """One service."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def chat(self, prompt: Prompt) -> LlmReply:
        """Raises NodeError ``llm.*``."""
        library = await sdk("openai")
        request = self._request(prompt)
        async with http_client(self._endpoint) as http:
            client = client_of(library, self._endpoint, http)
            if prompt.ask.get("on_text") is None:
                answer = await repeated(lambda: client.chat.completions.create(**request), library)
                return _reply(answer, prompt)
            return await _streamed(client, library, request, prompt)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        ask = prompt.ask
        # Its own service has renamed this field, the others mostly have not.
        limit = "max_completion_tokens" if self._endpoint.address == ADDRESS else "max_tokens"
        request: dict[str, Any] = {
            "model": prompt.model,
            "messages": _turns(ask.get("system", ""), prompt.turns),
            limit: prompt.max_tokens,
        }
        for name in ("temperature", "top_p"):
            if (value := ask.get(name)) is not None:
                request[name] = value
        if stop := ask.get("stop"):
            request["stop"] = list(stop)
        if schema := ask.get("schema"):
            shape = {"name": "answer", "schema": closed(schema), "strict": is_strict(schema)}
            request["response_format"] = {"type": "json_schema", "json_schema": shape}
        if tools := ask.get("tools"):
            request["tools"] = [_tool(tool) for tool in tools]
            if must := ask.get("must_call"):
                request["tool_choice"] = _choice(must)
        return request


def _choice(must: str) -> Json:
    return {"*": "required", "-": "none"}.get(must) or {"type": "function", "function": {"name": must}}


def _tool(tool: LlmTool) -> JsonObject:
    function: JsonObject = {
        "name": tool["name"],
        "description": tool["description"],
        "parameters": tool["parameters"],
    }
    return {"type": "function", "function": function}


def _turns(system: str, turns: Sequence[LlmMessage]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    return sent + [_turn(turn) for turn in turns]


def _turn(turn: LlmMessage) -> dict[str, Any]:
    if turn["role"] == "tool":
        return {"role": "tool", "tool_call_id": turn.get("tool_call_id", ""), "content": turn["content"]}
    if turn["role"] == "assistant":
        said: dict[str, Any] = {"role": "assistant", "content": turn["content"]}
        if calls := turn.get("tool_calls"):
            said["tool_calls"] = [_sent_call(call) for call in calls]
        return said
    images = turn.get("images", ())
    if not images:
        return {"role": "user", "content": turn["content"]}
    parts = [{"type": "image_url", "image_url": {"url": _data_url(im.mime, im.content)}} for im in images]
    return {"role": "user", "content": [{"type": "text", "text": turn["content"]}, *parts]}


def _sent_call(call: ToolCall) -> dict[str, Any]:
    written = json.dumps(call["arguments"] or {}, ensure_ascii=False)
    return {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": written}}


def _data_url(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


@dataclass(slots=True)
class _Written:
    """An answer put together from its pieces."""

    model: str
    text: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str = ""
    refusal: list[str] = field(default_factory=list)

    def take(self, chunk: Any) -> str:
        """Add a piece; returns its text."""
        self.model = chunk.model or self.model
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        delta = choice.delta
        for number, piece in enumerate(delta.tool_calls or ()):
            at = number if piece.index is None else piece.index
            if at not in self.calls and len(self.calls) == _MAX_CALLS:
                raise NodeError(BAD_ANSWER, {"reason": f"more than {_MAX_CALLS} tool calls"})
            call = self.calls.setdefault(at, {"id": "", "name": "", "arguments": ""})
            call["id"] = piece.id or call["id"]
            if piece.function is not None:
                call["name"] += piece.function.name or ""
                call["arguments"] += piece.function.arguments or ""
        self.refusal.append(getattr(delta, "refusal", None) or "")
        text = delta.content or ""
        self.text.append(text)
        return text


async def _streamed(client: Any, library: Any, request: dict[str, Any], prompt: Prompt) -> LlmReply:
    on_text = prompt.ask["on_text"]
    assert on_text is not None, "the caller streams for somebody"
    written = _Written(prompt.model)
    request = {**request, "stream": True, "stream_options": {"include_usage": True}}

    async def read() -> None:
        async with await client.chat.completions.create(**request) as stream:
            async for chunk in stream:
                text = written.take(chunk)
                if text:
                    prompt.usage.output_tokens += tokens_in(text)
                    await on_text(text)
                if chunk.usage is not None:
                    _count(prompt.usage, chunk.usage)
        if not written.finish:
            raise NodeError(BROKEN_OFF, {"reason": "the stream ended in the middle"})

    prompt.usage.input_tokens = _guess(prompt)
    await repeated(read, library, has_begun=lambda: any(written.text) or bool(written.calls))
    calls = [written.calls[at] for at in sorted(written.calls)]
    return _made(
        "".join(written.text) or "".join(written.refusal),
        written.model,
        written.finish,
        [(call["id"], call["name"], call["arguments"]) for call in calls],
        prompt.usage,
    )


def _guess(prompt: Prompt) -> int:
    """For services that never say what they counted."""
    return tokens_in(prompt.ask.get("system", ""), *(turn["content"] for turn in prompt.turns))


def _count(usage: Usage, told: Any) -> None:
    """The service counts what it read from its cache among the input; we count it apart."""
    details = getattr(told, "prompt_tokens_details", None)
    cached = min(getattr(details, "cached_tokens", None) or 0, told.prompt_tokens or 0)
    usage.input_tokens = (told.prompt_tokens or 0) - cached
    usage.output_tokens = told.completion_tokens or 0
    usage.cache_read_tokens = cached


def _reply(answer: Any, prompt: Prompt) -> LlmReply:
    try:
        choice = answer.choices[0]
        message = choice.message
    except (AttributeError, IndexError, TypeError) as error:
        raise NodeError(BAD_ANSWER, {"reason": "it holds no choices"}) from error
    text = message.content or getattr(message, "refusal", None) or ""
    calls = [
        (call.id, call.function.name, call.function.arguments)
        for call in (message.tool_calls or ())[:_MAX_CALLS]
        if call.type == "function"
    ]
    if answer.usage is not None:
        _count(prompt.usage, answer.usage)
    else:
        prompt.usage.input_tokens, prompt.usage.output_tokens = _guess(prompt), tokens_in(text)
    return _made(text, answer.model or prompt.model, choice.finish_reason or "", calls, prompt.usage)


def _made(text: str, model: str, finish: str, calls: list[tuple[str, str, str]], usage: Usage) -> LlmReply:
    reply = LlmReply(
        text=text,
        model=model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        stop_reason=_STOP_REASONS.get(finish, finish),
    )
    if usage.cache_read_tokens:
        reply["cache_read_tokens"] = usage.cache_read_tokens
    if calls:
        reply["tool_calls"] = [
            ToolCall(id=call_id or f"call_{number}", name=name, arguments=_arguments(written))
            for number, (call_id, name, written) in enumerate(calls)
        ]
    return reply


def _arguments(written: str) -> JsonObject | None:
    try:
        value: Json = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return None
    return dict(value) if isinstance(value, Mapping) else None
