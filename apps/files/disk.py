"""Content on disk: written beside, synced, then moved into place under its own hash.

A file in place is whole and never changes. Layout: ``blobs/<workspace>/<first two digits>/<sha256>``
under the data folder, and ``blobs/<workspace>/pieces/<upload>/<piece>`` for what is still on its way. Who may
read or remove what is decided above this module.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import secrets
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

from django.conf import settings

HEAD_BYTES = 64 * 1024
# No upload takes longer. A process that is killed while it receives one leaves its draft behind.
DRAFT_LIVES_S = 24 * 3600
SWEEP_EVERY_S = 3600
_swept_at = -math.inf


def _root() -> Path:
    return Path(settings.DATA_DIR) / "blobs"


def path_of(workspace_id: uuid.UUID, sha256: str) -> Path:
    """Where the content of this hash lies or would lie."""
    return _root() / str(workspace_id) / sha256[:2] / sha256


class Draft:
    """Content being received. Use as a context manager: what is not placed is removed."""

    def __init__(self) -> None:
        folder = _root() / "incoming"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(folder)
        self.path = folder / secrets.token_hex(16)
        self._file = self.path.open("xb")
        self._hash = hashlib.sha256()
        self.size_bytes = 0
        self.head = b""

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size_bytes += len(chunk)
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def sync(self) -> None:
        """Bring what was received to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def received(self) -> IO[bytes]:
        """All of it, to be read from the beginning. Whoever asks closes it."""
        self._file.flush()
        return self.path.open("rb")

    def place(self, workspace_id: uuid.UUID) -> None:
        """Make the content durable under its hash; equal content that is there already stays."""
        self.move(path_of(workspace_id, self.sha256))

    def move(self, target: Path) -> None:
        """Make the content durable under another path of the same disk."""
        self.sync()
        _make_folder(target.parent)
        self.path.replace(target)
        _sync_folder(target.parent)

    def close(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sweep(folder: Path) -> None:
    """Remove drafts whose process died; looks once an hour."""
    global _swept_at  # noqa: PLW0603 - one clock per process
    if time.monotonic() - _swept_at < SWEEP_EVERY_S:
        return
    _swept_at = time.monotonic()
    limit = time.time() - DRAFT_LIVES_S
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process sweeps as well
            if left.stat().st_mtime < limit:
                left.unlink()


def _make_folder(folder: Path) -> None:
    """Create it where it is missing. A new folder's name stands in the folder above, and that has to be on
    disk as well, or the content under it is lost with the power."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(workspace_id: uuid.UUID, sha256: str) -> bytes:
    """The whole content. Raises FileNotFoundError."""
    return path_of(workspace_id, sha256).read_bytes()


def stream(workspace_id: uuid.UUID, sha256: str, chunk_bytes: int) -> Iterator[bytes]:
    """The content in pieces. Raises FileNotFoundError, at once."""
    return stream_path(path_of(workspace_id, sha256), chunk_bytes)


def stream_path(path: Path, chunk_bytes: int) -> Iterator[bytes]:
    """A file in pieces. Raises FileNotFoundError, at once."""
    return _chunks(path.open("rb"), chunk_bytes)


def _chunks(file: IO[bytes], chunk_bytes: int) -> Iterator[bytes]:
    with file:
        while chunk := file.read(chunk_bytes):
            yield chunk


def pieces_of(workspace_id: uuid.UUID, upload_id: uuid.UUID) -> Path:
    """The folder of an upload's pieces."""
    return _root() / str(workspace_id) / "pieces" / str(upload_id)


def pieces_held(before: float) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
    """Workspace and id of the uploads whose pieces have lain since before a moment."""
    for folder in _root().glob("*/pieces/*") if _root().is_dir() else ():
        with contextlib.suppress(ValueError, FileNotFoundError):
            if folder.stat().st_mtime < before:
                yield uuid.UUID(folder.parents[1].name), uuid.UUID(folder.name)


def pieces_remove(workspace_id: uuid.UUID, upload_id: uuid.UUID) -> None:
    """Safe to repeat."""
    shutil.rmtree(pieces_of(workspace_id, upload_id), ignore_errors=True)


def strays(before: float) -> Iterator[tuple[uuid.UUID, str]]:
    """All content in place since before a moment (seconds since the epoch), by workspace and hash."""
    for folder in _root().iterdir() if _root().is_dir() else ():
        with contextlib.suppress(ValueError, FileNotFoundError):
            workspace_id = uuid.UUID(folder.name)
            for content in folder.glob("??/*"):
                with contextlib.suppress(FileNotFoundError):
                    if content.stat().st_mtime < before:
                        yield workspace_id, content.name


def remove(workspace_id: uuid.UUID, sha256: str) -> None:
    path_of(workspace_id, sha256).unlink(missing_ok=True)


def remove_workspace(workspace_id: uuid.UUID) -> None:
    """Everything a deleted workspace had; safe to repeat."""
    shutil.rmtree(_root() / str(workspace_id), ignore_errors=True)
