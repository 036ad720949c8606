"""Receiving an upload: straight into a draft on disk, hashed and counted on the way.

Nothing is held in memory or spooled twice, and the limit holds while bytes arrive.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from rest_framework.parsers import MultiPartParser

from apps.files.disk import Draft
from apps.files.errors import UPLOAD_MISSING, UPLOAD_TOO_LARGE
from sage_studio.kernel import SageError

# Room for the multipart frame around the file.
FRAME_BYTES = 64 * 1024


def limit_bytes() -> int:
    return int(settings.MAX_UPLOAD_BYTES)


def too_large() -> SageError:
    return SageError(UPLOAD_TOO_LARGE, {"limit_mb": limit_bytes() // (1024 * 1024)})


class ReceivedFile(UploadedFile):  # type: ignore[type-arg] # not generic at run time
    """A file whose content is in ``draft``."""

    def __init__(self, draft: Draft, name: str) -> None:
        super().__init__(None, name, size=draft.size_bytes)
        self.draft = draft

    def close(self) -> None:
        self.draft.close()


class DraftUploadHandler(FileUploadHandler):
    """Takes the one file of a request. Whoever made the handler closes it, because a request may be
    refused after its body was read.

    Raises SageError ``file.too_large`` as soon as it is, and ``file.missing`` at a second file.
    """

    chunk_size = 256 * 1024

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self._draft: Draft | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self._draft is not None:
            raise SageError(UPLOAD_MISSING)
        self._draft = Draft()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self._draft is not None
        self._draft.write(raw_data)
        if self._draft.size_bytes > limit_bytes():
            self.close()
            raise too_large()

    def file_complete(self, file_size: int) -> ReceivedFile | None:
        return ReceivedFile(self._draft, self.file_name or "file") if self._draft is not None else None

    def close(self) -> None:
        """Remove what was received, unless it has been placed."""
        if self._draft is not None:
            self._draft.close()


class UploadParser(MultiPartParser):
    """Multipart only; errors of ours pass through as they are."""
