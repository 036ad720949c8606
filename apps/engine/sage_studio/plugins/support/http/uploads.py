"""Files of the workspace as the body of a request: one as it is, or several in a form (RFC 7578)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sage_studio.plugins.support.http.sending import Upload
from sage_studio.sdk import Context, FileRef

_UNFIT = re.compile(r"[\r\n\x00]")
_MIME = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}")


def mime_of(file: FileRef) -> str:
    return file["mime"] if _MIME.fullmatch(file["mime"] or "") else "application/octet-stream"


def file_upload(ctx: Context, file: FileRef) -> Upload:
    return lambda: ctx.files.stream(file)


def form_upload(
    ctx: Context, fields: Mapping[str, Any], name: str, files: Sequence[FileRef], key: str
) -> tuple[Upload, str]:
    """A form with plain fields and files, and its content type. The boundary follows from ``key``, so that a
    repeated request is the same."""
    boundary = "sage" + sha256(key.encode()).hexdigest()[:40]

    async def parts() -> AsyncIterator[bytes]:
        for field, value in fields.items():
            for entry in value if isinstance(value, list) else [value]:
                head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(field)}"\r\n\r\n'
                yield f"{head}{'' if entry is None else entry}\r\n".encode()
        for file in files:
            disposition = f'form-data; name="{_quoted(name)}"; filename="{_quoted(file["name"])}"'
            head = (
                f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {mime_of(file)}\r\n\r\n"
            )
            yield head.encode()
            async for block in ctx.files.stream(file):
                yield block
            yield b"\r\n"
        yield f"--{boundary}--\r\n".encode()

    return parts, f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    """As browsers do it (WHATWG HTML, multipart/form-data encoding)."""
    return _UNFIT.sub("_", str(name)).replace('"', "%22")
