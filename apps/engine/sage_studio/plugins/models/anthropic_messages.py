"""Anthropic's Messages protocol, through the ``anthropic`` SDK."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import JsonObject
from sage_studio.plugins.models.asking import Prompt, sdk
from sage_studio.plugins.models.errors import BROKEN_OFF
from sage_studio.plugins.models.failures import repeated
from sage_studio.plugins.models.schemas import closed
from sage_studio.plugins.models.transport import Endpoint, http_client
from sage_studio.sdk import LlmMessage, LlmReply, LlmTool, NodeError, ToolCall, Usage, tokens_in

ADDRESS = "https://api.anthropic.com"
# The service ends an answer that is silent for minutes; a long one is read as it is written.
_STREAM_FROM_TOKENS = 8_192


def auth_headers(key: str) -> dict[str, str]:
    return {"x-api-key": key} if key else {}


class AnthropicMessages:
    """One service."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def chat(self, prompt: Prompt) -> LlmReply:
        """Raises NodeError ``llm.*``."""
        library = await sdk("anthropic")
        request = _request(prompt)
        async with http_client(self._endpoint) as http:
            # A key is always named here, so that the SDK looks for none of its own; ours is the header's.
            client = library.AsyncAnthropic(
                api_key="-",
                base_url=self._endpoint.address,
                http_client=http,
                max_retries=0,
                timeout=None,
                open_telemetry=False,
            )
            if prompt.ask.get("on_text") is None and prompt.max_tokens < _STREAM_FROM_TOKENS:
                message = await repeated(lambda: client.messages.create(**request), library)
            else:
                message = await _streamed(client, library, request, prompt)
        _count(prompt.usage, message.usage)
        return _reply(message, prompt.usage)


async def _streamed(client: Any, library: Any, request: dict[str, Any], prompt: Prompt) -> Any:
    on_text = prompt.ask.get("on_text")
    begun: list[str] = []

    async def read() -> Any:
        async with client.messages.stream(**request) as stream:
            async for event in stream:
                if event.type == "message_start":
                    _count(prompt.usage, event.message.usage)
                elif event.type == "text":
                    begun.append(event.text)
                    prompt.usage.output_tokens += tokens_in(event.text)
                    if on_text is not None:
                        await on_text(event.text)
            try:
                message = stream.current_message_snapshot
            except AssertionError:
                message = None
        if message is None or message.stop_reason is None:
            raise NodeError(BROKEN_OFF, {"reason": "the stream ended in the middle"})
        return message

    return await repeated(read, library, has_begun=lambda: bool(begun))


def _request(prompt: Prompt) -> dict[str, Any]:
    ask = prompt.ask
    request: dict[str, Any] = {
        "model": prompt.model,
        "max_tokens": prompt.max_tokens,
        "messages": _turns(prompt.turns),
    }
    if system := ask.get("system"):
        request["system"] = system
    if stop := ask.get("stop"):
        request["stop_sequences"] = list(stop)
    if schema := ask.get("schema"):
        request["output_config"] = {"format": {"type": "json_schema", "schema": closed(schema)}}
    if tools := ask.get("tools"):
        request["tools"] = [_tool(tool) for tool in tools]
        if must := ask.get("must_call"):
            request["tool_choice"] = _choice(must)
    if ask.get("cache"):
        request["cache_control"] = {"type": "ephemeral"}
    # The SDK no longer names these; models that still know them take them from the body.
    sampling = {name: ask.get(name) for name in ("temperature", "top_p")}
    if extra := {name: value for name, value in sampling.items() if value is not None}:
        request["extra_body"] = extra
    return request


def _choice(must: str) -> JsonObject:
    if must in {"*", "-"}:
        return {"type": "any" if must == "*" else "none"}
    return {"type": "tool", "name": must}


def _tool(tool: LlmTool) -> JsonObject:
    return {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}


def _turns(turns: Sequence[LlmMessage]) -> list[dict[str, Any]]:
    """The conversation; results of tools that were called together go back together, as the service asks."""
    sent: list[dict[str, Any]] = []
    for turn in turns:
        if turn["role"] == "tool":
            result = {
                "type": "tool_result",
                "tool_use_id": turn.get("tool_call_id", ""),
                "content": turn["content"] or "-",
                "is_error": turn.get("is_error", False),
            }
            before = sent[-1] if sent else {}
            if before.get("role") == "user" and isinstance(before["content"], list):
                before["content"].append(result)
            else:
                sent.append({"role": "user", "content": [result]})
        elif turn["role"] == "assistant":
            sent.append({"role": "assistant", "content": _assistant(turn)})
        else:
            sent.append({"role": "user", "content": _user(turn)})
    return sent


def _user(turn: LlmMessage) -> str | list[dict[str, Any]]:
    images = turn.get("images", ())
    if not images:
        return turn["content"]
    blocks: list[dict[str, Any]] = [
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": image.mime,
                "data": base64.b64encode(image.content).decode(),
            },
        }
        for image in images
    ]
    return [*blocks, {"type": "text", "text": turn["content"] or "-"}]


def _assistant(turn: LlmMessage) -> str | list[dict[str, Any]]:
    calls = turn.get("tool_calls", ())
    if not calls:
        return turn["content"] or "-"
    said = [{"type": "text", "text": turn["content"]}] if turn["content"].strip() else []
    return [
        *said,
        *(
            {"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["arguments"] or {}}
            for call in calls
        ),
    ]


def _count(usage: Usage, told: Any) -> None:
    usage.input_tokens = told.input_tokens or 0
    usage.output_tokens = told.output_tokens or 0
    usage.cache_read_tokens = getattr(told, "cache_read_input_tokens", None) or 0
    usage.cache_write_tokens = getattr(told, "cache_creation_input_tokens", None) or 0


def _reply(message: Any, usage: Usage) -> LlmReply:
    reply = LlmReply(
        text="".join(block.text for block in message.content if block.type == "text"),
        model=message.model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        stop_reason=message.stop_reason or "",
    )
    if usage.cache_read_tokens:
        reply["cache_read_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens:
        reply["cache_write_tokens"] = usage.cache_write_tokens
    calls = [_call(block) for block in message.content if block.type == "tool_use"]
    if calls:
        reply["tool_calls"] = calls
    return reply


def _call(block: Any) -> ToolCall:
    # Through text: what came is data of somebody else, and may hold no more than JSON does.
    given = json.loads(json.dumps(block.input)) if isinstance(block.input, dict) else None
    return ToolCall(id=block.id, name=block.name, arguments=given)
