"""Where content lies: on this machine's disk, or in a bucket the administrator names (``SAGE_BLOB_URL``).

Either way content is known by (workspace, sha256), appears whole or not at all, and never changes. Pieces of
uploads on their way lie beside it, by upload and name.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Protocol

from django.conf import settings

from apps.files import disk
from apps.files.bucket import Bucket

CHUNK_BYTES = 1 << 20


class Store(Protocol):
    """Content by (workspace, sha256)."""

    def stage(self, draft: disk.Draft, workspace_id: uuid.UUID) -> None:
        """Do what takes long, before the transaction that ``place`` belongs to."""
        ...

    def place(self, draft: disk.Draft, workspace_id: uuid.UUID) -> None:
        """Make a draft durable under its hash; equal content that is there already stays."""
        ...

    def exists(self, workspace_id: uuid.UUID, sha256: str) -> bool: ...

    def read(self, workspace_id: uuid.UUID, sha256: str) -> bytes:
        """Raises FileNotFoundError."""
        ...

    def stream(self, workspace_id: uuid.UUID, sha256: str, chunk_bytes: int) -> Iterator[bytes]:
        """Raises FileNotFoundError, at once."""
        ...

    def strays(self, before: float) -> Iterator[tuple[uuid.UUID, str]]:
        """All content in place since before a moment (seconds since the epoch)."""
        ...

    def remove(self, workspace_id: uuid.UUID, sha256: str) -> None: ...

    def remove_workspace(self, workspace_id: uuid.UUID) -> None: ...

    def piece_put(self, draft: disk.Draft, workspace_id: uuid.UUID, upload_id: uuid.UUID, piece: str) -> None:
        """Make a piece of an upload durable under a name of its own."""
        ...

    def piece_stream(self, workspace_id: uuid.UUID, upload_id: uuid.UUID, piece: str) -> Iterator[bytes]:
        """Raises FileNotFoundError, at once."""
        ...

    def pieces_held(self, before: float) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
        """Workspace and id of the uploads whose pieces have lain since before a moment; some may come
        twice."""
        ...

    def pieces_remove(self, workspace_id: uuid.UUID, upload_id: uuid.UUID) -> None: ...


class DiskStore:
    """The folder ``blobs`` under the data folder."""

    def stage(self, draft: disk.Draft, workspace_id: uuid.UUID) -> None:
        draft.sync()

    def place(self, draft: disk.Draft, workspace_id: uuid.UUID) -> None:
        draft.place(workspace_id)

    def exists(self, workspace_id: uuid.UUID, sha256: str) -> bool:
        return disk.path_of(workspace_id, sha256).is_file()

    def read(self, workspace_id: uuid.UUID, sha256: str) -> bytes:
        return disk.read(workspace_id, sha256)

    def stream(self, workspace_id: uuid.UUID, sha256: str, chunk_bytes: int) -> Iterator[bytes]:
        return disk.stream(workspace_id, sha256, chunk_bytes)

    def strays(self, before: float) -> Iterator[tuple[uuid.UUID, str]]:
        return disk.strays(before)

    def remove(self, workspace_id: uuid.UUID, sha256: str) -> None:
        disk.remove(workspace_id, sha256)

    def remove_workspace(self, workspace_id: uuid.UUID) -> None:
        disk.remove_workspace(workspace_id)

    def piece_put(self, draft: disk.Draft, workspace_id: uuid.UUID, upload_id: uuid.UUID, piece: str) -> None:
        draft.move(disk.pieces_of(workspace_id, upload_id) / piece)

    def piece_stream(self, workspace_id: uuid.UUID, upload_id: uuid.UUID, piece: str) -> Iterator[bytes]:
        return disk.stream_path(disk.pieces_of(workspace_id, upload_id) / piece, CHUNK_BYTES)

    def pieces_held(self, before: float) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
        return disk.pieces_held(before)

    def pieces_remove(self, workspace_id: uuid.UUID, upload_id: uuid.UUID) -> None:
        disk.pieces_remove(workspace_id, upload_id)


class BucketStore:
    """A bucket; what is received waits on disk until it is whole and its hash is known."""

    def __init__(self, url: str) -> None:
        self._bucket = Bucket(url)

    def stage(self, draft: disk.Draft, workspace_id: uuid.UUID) -> None:
        if not self.exists(workspace_id, draft.sha256):
            self._bucket.put(_key(workspace_id, draft.sha256), draft.received())

    def place(self, draft: disk.Draft, workspace_id: uuid.UUID) -> None:
        self.stage(draft, workspace_id)  # equal content may have been removed since

    def exists(self, workspace_id: uuid.UUID, sha256: str) -> bool:
        return self._bucket.exists(_key(workspace_id, sha256))

    def read(self, workspace_id: uuid.UUID, sha256: str) -> bytes:
        return b"".join(self._bucket.stream(_key(workspace_id, sha256)))

    def stream(self, workspace_id: uuid.UUID, sha256: str, chunk_bytes: int) -> Iterator[bytes]:
        return self._bucket.stream(_key(workspace_id, sha256), chunk_bytes)

    def strays(self, before: float) -> Iterator[tuple[uuid.UUID, str]]:
        for key, modified in self._bucket.list(""):
            if modified < before:
                with suppress(ValueError):
                    workspace, _folder, digest = key.split("/")
                    yield uuid.UUID(workspace), digest

    def remove(self, workspace_id: uuid.UUID, sha256: str) -> None:
        self._bucket.remove([_key(workspace_id, sha256)])

    def remove_workspace(self, workspace_id: uuid.UUID) -> None:
        self._remove_under(f"{workspace_id}/")

    def piece_put(self, draft: disk.Draft, workspace_id: uuid.UUID, upload_id: uuid.UUID, piece: str) -> None:
        self._bucket.put(_pieces_key(workspace_id, upload_id) + piece, draft.received())

    def piece_stream(self, workspace_id: uuid.UUID, upload_id: uuid.UUID, piece: str) -> Iterator[bytes]:
        return self._bucket.stream(_pieces_key(workspace_id, upload_id) + piece)

    def pieces_held(self, before: float) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
        for key, modified in self._bucket.list(""):
            if modified < before and "/pieces/" in key:
                with suppress(ValueError):
                    workspace, _folder, upload, _piece = key.split("/")
                    yield uuid.UUID(workspace), uuid.UUID(upload)

    def pieces_remove(self, workspace_id: uuid.UUID, upload_id: uuid.UUID) -> None:
        self._remove_under(_pieces_key(workspace_id, upload_id))

    def _remove_under(self, prefix: str) -> None:
        self._bucket.remove([key for key, _modified in self._bucket.list(prefix)])


def _pieces_key(workspace_id: uuid.UUID, upload_id: uuid.UUID) -> str:
    return f"{workspace_id}/pieces/{upload_id}/"


def _key(workspace_id: uuid.UUID, sha256: str) -> str:
    return f"{workspace_id}/{sha256[:2]}/{sha256}"


@lru_cache(maxsize=4)
def _store(url: str) -> Store:
    return BucketStore(url) if url else DiskStore()


def store() -> Store:
    """The one that the settings name."""
    return _store(settings.BLOB_URL)
