"""Makes pictures from a description."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.kernel import Json, JsonObject, define_error
from sage_studio.plugins.models.openai_media import image_mime
from sage_studio.sdk import (
    MICROS,
    Choice,
    Context,
    Field,
    FileRef,
    LlmImage,
    ModelService,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    Usage,
    text,
    usage_json,
)

BAD_ANSWER = define_error(
    "image_generator.bad_answer",
    3730,
    en="The image service answered with {reason}.",
    zh="图像服务返回了异常结果：{reason}。",
    hint_en="Check the address, the model and the size.",
    hint_zh="请检查地址、模型和尺寸。",
    status=502,
)
_OPENAI: dict[str, tuple[Any, ...]] = {"by": ("openai",)}
_SD: dict[str, tuple[Any, ...]] = {"by": ("stable_diffusion",)}
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
_MAX_BYTES = 64 << 20


class ImageGenerator(Node):
    """By OpenAI's images protocol, or by the web API of Stable Diffusion servers."""

    spec = NodeSpec(
        id="image_generator",
        name=text("Make pictures", "图像生成"),
        description=text(
            "Has an image model make pictures from a description and stores them as files.",
            "由图像模型根据描述生成图片，并保存为文件。",
        ),
        category="ai",
        icon="image",
        effect="idempotent",
        gives_all=True,
        outputs=(
            Port(name="image", type="File", label=text("Picture", "图片")),
            Port(name="images", type="array<File>", label=text("All pictures", "全部图片")),
            Port(name="usage", type="object", label=text("Usage", "用量")),
        ),
        config=(
            Field(
                name="prompt",
                label=text("Description", "描述"),
                default="",
                required=True,
                control="prompt",
                max_length=32_000,
                shared_text=True,
                wireable=True,
            ),
            Field(
                name="by",
                label=text("By", "方式"),
                default="openai",
                control="select",
                expression="never",
                options=(
                    Choice(value="openai", label=text("OpenAI, or a server like it", "OpenAI 或兼容服务")),
                    Choice(
                        value="stable_diffusion",
                        label=text("Stable Diffusion web API", "Stable Diffusion Web API"),
                    ),
                ),
            ),
            Field(
                name="model",
                label=text("Model", "模型"),
                default="gpt-image-1",
                max_length=200,
                show_when=_OPENAI,
            ),
            Field(
                name="address",
                label=text("Address", "服务地址"),
                help=text(
                    "Empty: OpenAI’s own. For Stable Diffusion the part before /sdapi.",
                    "留空则使用 OpenAI 官方地址；Stable Diffusion 填写 /sdapi 之前的部分。",
                ),
                default="",
                max_length=500,
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                default="",
                control="credential",
                credential_kinds=("openai", "bearer", "basic", "api_key"),
                expression="never",
            ),
            Field(
                name="count",
                type="integer",
                label=text("How many", "数量"),
                default=1,
                minimum=1,
                maximum=10,
            ),
            Field(
                name="width",
                type="integer",
                label=text("Width", "宽度"),
                default=1_024,
                minimum=64,
                maximum=4_096,
                unit=text("pixels", "像素"),
            ),
            Field(
                name="height",
                type="integer",
                label=text("Height", "高度"),
                default=1_024,
                minimum=64,
                maximum=4_096,
                unit=text("pixels", "像素"),
            ),
            Field(
                name="quality",
                label=text("Quality", "质量"),
                default="",
                placeholder=text("low, medium, high", "low、medium、high"),
                max_length=50,
                expert=True,
                show_when=_OPENAI,
            ),
            Field(
                name="avoid",
                label=text("Without", "反向描述"),
                default="",
                max_length=8_000,
                show_when=_SD,
            ),
            Field(
                name="sampling_steps",
                type="integer",
                label=text("Sampling steps", "采样步数"),
                default=25,
                minimum=1,
                maximum=200,
                expert=True,
                show_when=_SD,
            ),
            Field(
                name="seed",
                type="integer",
                label=text("Seed", "随机种子"),
                help=text("-1: another picture each time.", "-1 表示每次随机。"),
                default=-1,
                minimum=-1,
                maximum=2**32 - 1,
                expert=True,
                show_when=_SD,
            ),
            Field(
                name="cost_each",
                type="number",
                label=text("Price of a picture", "单张价格"),
                help=text(
                    "In US dollars, for the flow's budget; services that count tokens are priced by those.",
                    "美元，用于流程预算；按词元计费的服务以词元价格为准。",
                ),
                default=0.0,
                minimum=0,
                maximum=100,
                expert=True,
            ),
            Field(
                name="name",
                label=text("File name", "文件名"),
                default="picture",
                max_length=100,
                expert=True,
            ),
        ),
        summary=text("{prompt}", "{prompt}"),
        default_timeout_s=600,
        example={"config": {"prompt": "A red bicycle, drawn with ink"}, "needs": "image service"},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        count, each = settings.integer("count"), int(settings.number("cost_each") * MICROS)
        await ctx.afford(each * count)
        by_openai = settings.text("by") == "openai"
        images, used = await (_by_openai if by_openai else _by_stable_diffusion)(ctx, settings)
        if each and used == Usage():
            ctx.cost(each * len(images), what=settings.text("model") if by_openai else "stable diffusion")
        files = [
            await _stored(ctx, settings.text("name"), number, image) for number, image in enumerate(images)
        ]
        return {"image": files[0], "images": files, "usage": {"images": len(files), **usage_json(used)}}


async def _by_openai(ctx: Context, settings: Settings) -> tuple[list[LlmImage], Usage]:
    size = f"{settings.integer('width')}x{settings.integer('height')}"
    wanted: JsonObject = {"n": settings.integer("count"), "size": size}
    if quality := settings.text("quality"):
        wanted["quality"] = quality
    model = settings.text("model")
    if not model.startswith("gpt-image"):
        # Those answer with the picture anyway and refuse the field; the others would send an address.
        wanted["response_format"] = "b64_json"
    made = await ctx.llm.draw(
        settings.text("prompt"),
        model=model,
        settings=wanted,
        credential=settings.text("credential") or None,
        service=ModelService("openai", settings.text("address")),
    )
    return made.images, made.usage


async def _by_stable_diffusion(ctx: Context, settings: Settings) -> tuple[list[LlmImage], Usage]:
    """Raises NodeError ``image_generator.bad_answer``."""
    body: JsonObject = {
        "prompt": settings.text("prompt"),
        "negative_prompt": settings.text("avoid"),
        "width": settings.integer("width"),
        "height": settings.integer("height"),
        "steps": settings.integer("sampling_steps"),
        "seed": settings.integer("seed"),
        "batch_size": settings.integer("count"),
    }
    response = await ctx.http.request(
        "POST",
        f"{settings.text('address').rstrip('/')}/sdapi/v1/txt2img",
        json=body,
        timeout_s=600,
        max_bytes=_MAX_BYTES,
        credential=settings.text("credential") or None,
    )
    if response.status >= 400:
        facts: dict[str, Json] = {"reason": f"status {response.status}"}
        if wait_s := retry_after_s(response.headers):
            facts["retry_after_s"] = wait_s
        raise NodeError(BAD_ANSWER, facts, retryable=response.status == 429 or response.status >= 500)
    answer: Any = response.json()
    listed = answer.get("images") if isinstance(answer, dict) else None
    if not isinstance(listed, list) or not listed:
        raise NodeError(BAD_ANSWER, {"reason": "no pictures"})
    return [_decoded(entry) for entry in listed], Usage()


def _decoded(entry: Any) -> LlmImage:
    try:
        content = base64.b64decode(str(entry).rpartition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise NodeError(BAD_ANSWER, {"reason": "a picture that cannot be decoded"}) from error
    mime = image_mime(content)
    if mime is None:
        raise NodeError(BAD_ANSWER, {"reason": "something that is no picture"})
    return LlmImage(mime, content)


async def _stored(ctx: Context, name: str, number: int, image: LlmImage) -> FileRef:
    stem = (name or "picture") if number == 0 else f"{name or 'picture'}-{number + 1}"
    return await ctx.files.write(f"{stem}.{_ENDINGS[image.mime]}", image.mime, image.content)
