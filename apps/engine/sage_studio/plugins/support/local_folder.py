"""A folder of the machine as object storage: only below folders that an administrator has named.

``SAGE_ALLOW_FOLDERS`` lists them as ``name=/path``, with commas between; flows choose a name, never a path.
Every editor of every workspace may then read and write there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

NO_FOLDER = define_error(
    "storage.no_folder",
    3163,
    en="No folder “{name}” is open to flows.",
    zh="没有向流程开放的文件夹“{name}”。",
    hint_en="An administrator names folders in SAGE_ALLOW_FOLDERS (name=/path). There is: {known}.",
    hint_zh="管理员可通过 SAGE_ALLOW_FOLDERS（名称=/路径）开放文件夹。现有：{known}。",
    status=422,
)
OUTSIDE = define_error(
    "storage.outside",
    3164,
    en="“{key}” leads out of its folder.",
    zh="“{key}”指向文件夹之外。",
    hint_en="Links are followed only within the folder.",
    hint_zh="仅允许指向文件夹内部的链接。",
    status=403,
)
_DRAFT = ".sage-draft-"


def allowed_folders(environ: Mapping[str, str]) -> dict[str, Path]:
    """By name."""
    pairs = (entry.partition("=") for entry in environ.get("SAGE_ALLOW_FOLDERS", "").split(","))
    return {name.strip(): Path(path.strip()) for name, sign, path in pairs if sign and name.strip()}


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """All of it blocks. Raises NodeError ``storage.outside`` and OSError."""

    root: Path

    @staticmethod
    def named(name: str) -> LocalFolder:
        """Raises NodeError ``storage.no_folder``."""
        known = allowed_folders(os.environ)
        if name not in known:
            raise NodeError(
                NO_FOLDER, {"name": name[:100], "known": ", ".join(known) or "–"}, path="config.folder"
            )
        return LocalFolder(Path(os.path.realpath(known[name])))

    def path(self, key: str) -> Path:
        """Where a key lies, all links followed."""
        names = key.split("/")
        if not key or any(name in {"", ".", ".."} or "\x00" in name for name in names):
            raise ValueError("no such key")
        if names[-1].startswith(_DRAFT):
            raise NodeError(OUTSIDE, {"key": key[:200]}, path="config.key")
        found = Path(os.path.realpath(self.root.joinpath(*names)))
        if not found.is_relative_to(self.root):
            raise NodeError(OUTSIDE, {"key": key[:200]}, path="config.key")
        return found

    def entries(self, prefix: str, after: str) -> Iterator[dict[str, Any]]:
        """Files below ``prefix`` in the order of their keys, behind ``after``; one folder in memory at a
        time. Links that lead out are not there."""
        begin = self.path(prefix) if prefix else self.root
        if begin.is_dir():
            yield from self._below(begin, f"{prefix}/" if prefix else "", after)

    def _below(self, folder: Path, prefix: str, after: str) -> Iterator[dict[str, Any]]:
        with os.scandir(folder) as listed:
            names = sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in listed
                if not entry.name.startswith(_DRAFT)
            )
        for name in names:
            key = prefix + name
            if name.endswith("/"):
                if key > after or after.startswith(key):
                    yield from self._below(folder / name, key, after)
            elif key > after:
                with contextlib.suppress(OSError, NodeError):
                    path = self.path(key)
                    if path.is_file():
                        yield facts(key, path.stat())

    def open(self, key: str) -> tuple[IO[bytes], int]:
        """A file and its size."""
        path = self.path(key)
        if not path.is_file():
            raise FileNotFoundError(key)
        return path.open("rb"), path.stat().st_size

    def draft(self, key: str) -> Draft:
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        return Draft(target)


class Draft:
    """A file that is not there until it is whole."""

    def __init__(self, target: Path) -> None:
        self._target = target
        handle, name = tempfile.mkstemp(prefix=_DRAFT, dir=target.parent)
        self._name, self._file = Path(name), os.fdopen(handle, "wb")

    def write(self, piece: bytes) -> None:
        self._file.write(piece)

    def place(self) -> str:
        """Its entity tag."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._name.chmod(0o640)
        self._name.replace(self._target)
        return str(facts("", self._target.stat())["e_tag"])

    def drop(self) -> None:
        """What is not placed is removed."""
        self._file.close()
        self._name.unlink(missing_ok=True)


def facts(key: str, stat: os.stat_result) -> dict[str, Any]:
    """As obstore says it of an object."""
    return {
        "path": key,
        "size": stat.st_size,
        "last_modified": datetime.fromtimestamp(stat.st_mtime, UTC),
        "e_tag": f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}",
    }
