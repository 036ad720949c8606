"""Writes down what is said in a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import JsonObject, define_error
from sage_studio.sdk import (
    MICROS,
    Context,
    Field,
    ModelService,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    Usage,
    text,
)

BAD_RECORDING = define_error(
    "speech_to_text.bad_recording",
    3731,
    en="“{name}” cannot be transcribed: {reason}.",
    zh="无法转写“{name}”：{reason}。",
    hint_en="Services take FLAC, MP3, MP4, OGG, WAV and WebM files of at most 25 MB.",
    hint_zh="服务支持不超过 25 MB 的 FLAC、MP3、MP4、OGG、WAV 或 WebM 文件。",
    status=422,
)
_MAX_BYTES = 25 << 20
_ENDINGS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "oga", "wav", "webm")
# Only these tell when each sentence was said.
_WITH_TIMES = ("whisper",)


class SpeechToText(Node):
    """By OpenAI's transcription protocol, which local Whisper servers speak as well."""

    spec = NodeSpec(
        id="speech_to_text",
        name=text("Speech to text", "语音转文字"),
        description=text(
            "Writes down what is said in a recording, with times where the model gives them.",
            "将录音转写为文字；模型支持时附带时间。",
        ),
        category="ai",
        icon="file-text",
        effect="idempotent",
        gives_all=True,
        outputs=(
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="segments", type="array<object>", label=text("Sentences with times", "带时间的句子")),
            Port(name="documents", type="array<Document>", label=text("As document", "文档")),
            Port(name="usage", type="object", label=text("Usage", "用量")),
        ),
        config=(
            Field(
                name="file",
                type="any",
                label=text("Recording", "录音"),
                required=True,
                control="files",
                wireable=True,
            ),
            Field(
                name="model",
                label=text("Model", "模型"),
                default="whisper-1",
                required=True,
                max_length=200,
            ),
            Field(
                name="language",
                label=text("Language", "语言"),
                help=text("Two letters such as en or zh; empty: found out.", "如 en、zh；留空则自动识别。"),
                default="",
                max_length=10,
            ),
            Field(
                name="hint",
                label=text("Words to expect", "提示词"),
                help=text("Names and terms, so that they are spelled right.", "人名与术语，便于正确拼写。"),
                default="",
                max_length=4_000,
                control="textarea",
                expert=True,
            ),
            Field(
                name="address",
                label=text("Address", "服务地址"),
                help=text(
                    "Empty: that of the credential, or OpenAI’s.", "留空则使用凭据的地址或 OpenAI 官方地址。"
                ),
                default="",
                max_length=500,
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                default="",
                control="credential",
                credential_kinds=("openai", "bearer", "api_key"),
                expression="never",
            ),
            Field(
                name="cost_per_minute",
                type="number",
                label=text("Price of a minute", "每分钟价格"),
                help=text("In US dollars, for the flow's budget.", "美元，用于流程预算。"),
                default=0.0,
                minimum=0,
                maximum=100,
                expert=True,
            ),
        ),
        summary=text("{model}", "{model}"),
        default_timeout_s=900,
        example={"config": {"file": "path:talk.mp3"}, "needs": "speech service"},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        name, content = await _recording(ctx, settings)
        model = settings.text("model")
        per_minute = settings.number("cost_per_minute")
        await ctx.afford()
        wanted: JsonObject = {"language": settings.text("language"), "prompt": settings.text("hint")}
        if model.startswith(_WITH_TIMES):
            wanted["response_format"] = "verbose_json"
        said = await ctx.llm.transcribe(
            content,
            name=name,
            model=model,
            settings=wanted,
            credential=settings.text("credential") or None,
            service=ModelService("openai", settings.text("address")),
        )
        if per_minute and said.usage == Usage():
            ctx.cost(int(per_minute * said.duration_s / 60 * MICROS), what=model)
        metadata: JsonObject = {"source": name, "language": said.language, "duration_s": said.duration_s}
        return {
            "text": said.text,
            "segments": said.segments,
            "documents": [{"text": said.text, "metadata": metadata}],
            "usage": {"model": said.model, "seconds": said.duration_s},
        }


async def _recording(ctx: Context, settings: Settings) -> tuple[str, bytes]:
    """Raises NodeError ``speech_to_text.bad_recording``."""
    files = settings.files("file")
    if len(files) != 1:
        raise NodeError(
            BAD_RECORDING, {"name": f"{len(files)} files", "reason": "one is transcribed at a time"}
        )
    file = files[0]
    if not file["name"].lower().endswith(_ENDINGS):
        raise NodeError(
            BAD_RECORDING, {"name": file["name"], "reason": "it is not a recording of a known kind"}
        )
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in ctx.files.stream(file):
        size_bytes += len(chunk)
        if size_bytes > _MAX_BYTES:
            raise NodeError(BAD_RECORDING, {"name": file["name"], "reason": "it is larger than 25 MB"})
        chunks.append(chunk)
    return file["name"], b"".join(chunks)
