"""Zip archives made and taken apart (APPNOTE 6.3), entry by entry, within limits.

Nothing is written to a path of the archive's own choosing: what comes out are names and bytes. Blocking.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

BAD_ZIP = define_error(
    "compress.bad_zip",
    3144,
    en="“{name}” cannot be unpacked: {reason}.",
    zh="无法解压“{name}”：{reason_zh}。",
    hint_en="Only zip archives without a password, links or odd names are unpacked, up to the node's limits.",
    hint_zh="仅支持不含密码、链接和异常文件名的 zip 压缩包，且不得超过节点的限制。",
    status=422,
)
_REASONS = {
    "damaged": ("it is no zip archive, or it is damaged", "不是 zip 压缩包或已损坏"),
    "entries": ("it has too many entries", "条目过多"),
    "size": ("it unpacks to more than is allowed", "解压后超过大小限制"),
    "ratio": ("it unpacks to far more than it holds", "解压后的内容远大于文件本身"),
    "overlap": ("its entries lie over one another", "条目相互重叠"),
    "link": ("it holds a link", "包含链接"),
    "name": ("it holds a name that leads elsewhere", "包含指向其他位置的文件名"),
    "password": ("it is protected by a password", "受密码保护"),
    "method": ("it is packed in a way that is not known here", "使用了不支持的压缩方式"),
}
_MAX_RATIO = 200
_FREE_BYTES = 1 << 20
_PIECE_BYTES = 1 << 18
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_NAME_CHARS = 500


@dataclass(frozen=True, slots=True)
class UnzipLimits:
    """The most entries, and the most bytes of all of them together."""

    entries: int
    total_bytes: int


def refused(name: str, reason: str) -> NodeError:
    en, zh = _REASONS[reason]
    return NodeError(BAD_ZIP, {"name": name, "reason": en, "reason_zh": zh})


class Unzipper:
    """The entries of an archive, one after another. Raises NodeError ``compress.bad_zip``."""

    def __init__(self, name: str, content: IO[bytes], limits: UnzipLimits) -> None:
        self._name = name
        with self._errors():
            self._archive = zipfile.ZipFile(content)
        self._left = limits.total_bytes
        self.entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        try:
            self._check(limits)
        except NodeError:
            self.close()
            raise

    def close(self) -> None:
        self._archive.close()

    def _check(self, limits: UnzipLimits) -> None:
        """All that can be known before a byte is unpacked."""
        if len(self._archive.infolist()) > limits.entries:
            raise refused(self._name, "entries")
        if sum(entry.file_size for entry in self.entries) > limits.total_bytes:
            raise refused(self._name, "size")
        places = sorted((entry.header_offset, entry.compress_size) for entry in self.entries)
        if any(at + size > after for (at, size), (after, _size) in pairwise(places)):
            raise refused(self._name, "overlap")
        for entry in self.entries:
            if reason := _fault(entry):
                raise refused(self._name, reason)

    def pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        with self._errors(), self._archive.open(entry) as content:
            while piece := content.read(_PIECE_BYTES):
                self._left -= len(piece)
                if self._left < 0:
                    raise refused(self._name, "size")
                yield piece

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except NotImplementedError as error:
            raise refused(self._name, "method") from error
        except RuntimeError as error:
            raise refused(self._name, "password") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise refused(self._name, "damaged") from error


def _fault(entry: zipfile.ZipInfo) -> str:
    """What is wrong with an entry, as a reason; empty for nothing."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "link"
    parts = entry.filename.replace("\\", "/").split("/")
    is_odd = len(entry.filename) > _NAME_CHARS or any(ord(sign) < 32 for sign in entry.filename)
    if is_odd or ".." in parts or not parts[0] or ":" in parts[0]:
        return "name"
    if entry.flag_bits & 0x1:
        return "password"
    if entry.compress_type not in _METHODS:
        return "method"
    if entry.file_size > max(_FREE_BYTES, entry.compress_size * _MAX_RATIO):
        return "ratio"
    return ""


class Zipper:
    """An archive in the making. Entries carry no time, so that equal files give equal archives."""

    def __init__(self, out: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        self._names: set[str] = set()

    def begin(self, name: str) -> IO[bytes]:
        """Where the content of the next entry goes; whoever asks closes it. A name that is taken gets a
        number."""
        entry = zipfile.ZipInfo(self._free(name), (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        return self._archive.open(entry, "w", force_zip64=True)

    def close(self) -> None:
        self._archive.close()

    def _free(self, name: str) -> str:
        clean = name.replace("\\", "/").rsplit("/", 1)[-1].strip(". ") or "file"
        stem, dot, ending = clean.rpartition(".")
        number, free = 2, clean
        while free in self._names:
            free = f"{stem}_{number}.{ending}" if dot else f"{clean}_{number}"
            number += 1
        self._names.add(free)
        return free
