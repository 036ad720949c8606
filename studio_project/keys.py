"""Keys of an embedded instance: made on first start, kept in the data folder, readable by its owner only."""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from pathlib import Path


def ensure_private_dir(path: Path) -> Path:
    """The folder, made with mode 0700 when it is missing."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def read_or_make(path: Path) -> str:
    """The 32-byte key kept at ``path`` as URL-safe base64; made atomically when absent.

    Two processes that start at once agree: the file is written aside and linked into place, so
    the loser of the race reads the winner's key.
    """
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
