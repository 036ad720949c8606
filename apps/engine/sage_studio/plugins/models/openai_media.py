"""OpenAI's embeddings, images and audio, through the ``openai`` SDK."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.models.asking import sdk
from sage_studio.plugins.models.errors import BAD_ANSWER
from sage_studio.plugins.models.failures import repeated
from sage_studio.plugins.models.openai_chat import client_of
from sage_studio.plugins.models.transport import Endpoint, http_client
from sage_studio.sdk import Drawn, Embedded, LlmImage, NodeError, Transcript, Usage, tokens_in

_SIGNATURES = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


class OpenAiMedia:
    """One service."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def embed(self, texts: Sequence[str], model: str) -> Embedded:
        """Raises NodeError ``llm.*``."""
        library = await sdk("openai")
        async with http_client(self._endpoint) as http:
            client = client_of(library, self._endpoint, http)
            answer = await repeated(
                lambda: client.embeddings.create(model=model, input=[*texts], encoding_format="float"),
                library,
            )
        try:
            entries = sorted(answer.data, key=lambda entry: int(entry.index))
            vectors = [[float(number) for number in entry.embedding] for entry in entries]
        except (AttributeError, TypeError, ValueError) as error:
            raise NodeError(BAD_ANSWER, {"reason": "it is not a list of vectors"}) from error
        if len(vectors) != len(texts):
            raise NodeError(BAD_ANSWER, {"reason": f"{len(vectors)} vectors instead of {len(texts)}"})
        told = getattr(answer.usage, "prompt_tokens", None)
        return Embedded(vectors, answer.model or model, Usage(tokens_in(*texts) if told is None else told))

    async def draw(self, prompt: str, *, model: str, settings: JsonObject) -> Drawn:
        """Raises NodeError ``llm.*``."""
        library = await sdk("openai")
        async with http_client(self._endpoint) as http:
            client = client_of(library, self._endpoint, http)
            answer = await repeated(
                lambda: client.images.generate(prompt=prompt, model=model, extra_body=dict(settings)),
                library,
            )
        images = [_image(entry) for entry in answer.data or ()]
        if not images:
            raise NodeError(BAD_ANSWER, {"reason": "it holds no pictures"})
        return Drawn(images, model, _usage(answer))

    async def transcribe(self, content: bytes, *, name: str, model: str, settings: JsonObject) -> Transcript:
        """Raises NodeError ``llm.*``."""
        library = await sdk("openai")
        async with http_client(self._endpoint) as http:
            client = client_of(library, self._endpoint, http)
            given = {key: value for key, value in settings.items() if value not in (None, "")}
            # Through the raw answer: the SDK's type for transcripts leaves out what other services add.
            answer = await repeated(
                lambda: client.audio.transcriptions.with_raw_response.create(
                    file=(name, content), model=model, **given
                ),
                library,
            )
            said: Json = answer.http_response.json()
        return _transcript(said, model)


def _image(entry: Any) -> LlmImage:
    try:
        content = base64.b64decode(entry.b64_json or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NodeError(BAD_ANSWER, {"reason": "a picture cannot be decoded"}) from error
    mime = image_mime(content)
    if mime is None:
        raise NodeError(BAD_ANSWER, {"reason": "it holds something that is no picture"})
    return LlmImage(mime, content)


def image_mime(content: bytes) -> str | None:
    """The kind of a picture by its first bytes; None for anything else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for start, mime in _SIGNATURES if content.startswith(start)), None)


def _usage(answer: Any) -> Usage:
    told = getattr(answer, "usage", None)
    if told is None:
        return Usage()
    return Usage(getattr(told, "input_tokens", 0) or 0, getattr(told, "output_tokens", 0) or 0)


def _transcript(said: Json, model: str) -> Transcript:
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        raise NodeError(BAD_ANSWER, {"reason": "it holds no text"})
    told = said.get("usage")
    usage = told if isinstance(told, dict) else {}
    segments = said.get("segments")
    return Transcript(
        text=str(said["text"]),
        language=str(said.get("language") or ""),
        duration_s=_number(said.get("duration") or usage.get("seconds")),
        segments=[_segment(entry) for entry in segments or () if isinstance(entry, dict)]
        if isinstance(segments, list)
        else [],
        model=model,
        usage=Usage(int(_number(usage.get("input_tokens"))), int(_number(usage.get("output_tokens")))),
    )


def _segment(entry: JsonObject) -> JsonObject:
    text = entry.get("text")
    return {"start": _number(entry.get("start")), "end": _number(entry.get("end")), "text": str(text or "")}


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return 0.0
    try:
        return float(value)
    except ValueError:
        return 0.0
