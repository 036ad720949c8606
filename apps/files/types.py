"""Words of files and blobs that several modules use."""

from __future__ import annotations

import re
from enum import StrEnum

FILE_REF = "file:"
KEY_PREFIX = "sha256:"
NAME_LENGTH = 200
MARK_LENGTH = 400
KEEP_ARTIFACTS_DAYS = 90
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Kind(StrEnum):
    """Where a file came from: a person, or a run."""

    UPLOAD = "upload"
    ARTIFACT = "artifact"


def clean_name(name: str) -> str:
    """A name that is safe to show and to offer for download: no path, no control or direction marks.

    Long names keep their ending.
    """
    base = _UNSAFE.sub("", name.replace("\\", "/").rsplit("/", 1)[-1]).strip().strip(".") or "file"
    if len(base) <= NAME_LENGTH:
        return base
    stem, dot, ending = base.rpartition(".")
    if dot and len(ending) <= 20:
        return f"{stem[: NAME_LENGTH - len(ending) - 1]}.{ending}"
    return base[:NAME_LENGTH]


def digest_of_key(key: str) -> str | None:
    """The hex digest in ``sha256:…`` (or the bare digest); None for anything else."""
    digest = key.removeprefix(KEY_PREFIX)
    return digest if re.fullmatch(r"[0-9a-f]{64}", digest) else None
