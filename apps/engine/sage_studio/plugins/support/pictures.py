"""Pictures from files, as models look at them."""

from __future__ import annotations

from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.models.openai_media import image_mime
from sage_studio.sdk import Context, LlmImage, NodeError, as_files

BAD_PICTURE = define_error(
    "llm.bad_picture",
    3701,
    en="“{name}” cannot be shown to the model: {reason}.",
    zh="无法将“{name}”提供给模型：{reason}。",
    hint_en="Models look at PNG, JPEG, GIF and WebP files of at most 5 MB, 20 at once.",
    hint_zh="模型可查看不超过 5 MB 的 PNG、JPEG、GIF 或 WebP 文件，一次最多 20 张。",
    status=422,
)
MAX_BYTES = 5 << 20
MAX_COUNT = 20


async def pictures_of(ctx: Context, value: Any) -> list[LlmImage]:
    """Read the files on a port. Raises NodeError ``llm.bad_picture``."""
    try:
        files = as_files(value)
    except ValueError as error:
        raise NodeError(BAD_PICTURE, {"name": "?", "reason": "it is not a file"}) from error
    if len(files) > MAX_COUNT:
        raise NodeError(BAD_PICTURE, {"name": files[MAX_COUNT]["name"], "reason": "there are too many"})
    images: list[LlmImage] = []
    for file in files:
        content = await ctx.files.read(file)
        mime = image_mime(content)
        if mime is None:
            raise NodeError(BAD_PICTURE, {"name": file["name"], "reason": "it is not a picture of that kind"})
        if len(content) > MAX_BYTES:
            raise NodeError(BAD_PICTURE, {"name": file["name"], "reason": "it is larger than 5 MB"})
        images.append(LlmImage(mime, content))
    return images
