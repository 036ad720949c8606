"""What a plug-in consists of: the digest over its files, and taking it out of an archive."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sage_studio.kernel import SageError
from sage_studio.plugins.manager.errors import BAD_ARCHIVE

MAX_FILES = 2_000
MAX_BYTES = 64 << 20
# What lies about in a working folder and is no part of the plug-in.
PASSED_OVER = frozenset({
    "__pycache__", ".git", ".venv", "venv", ".pytest_cache", ".mypy_cache", ".ruff_cache", "dist", "build",
    "node_modules",
})  # fmt: skip
_YAML = (".yaml", ".yml")


def content_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a plug-in with their paths in it, in order."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    for path in files:
        inside = path.relative_to(folder)
        if not PASSED_OVER.intersection(inside.parts) and path.suffix != ".pyc":
            yield inside.as_posix(), path


def digest_of(folder: Path) -> str:
    """``sha256:…`` over names and contents of all files."""
    whole = hashlib.sha256()
    for name, path in content_of(folder):
        inner = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{name}\0{inner}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def pack(folder: Path) -> bytes:
    """A folder as a zip archive; equal contents give equal bytes."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in content_of(folder):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return sink.getvalue()


def unpack(content: bytes, folder: Path, *, name: str = "plugin.zip") -> None:
    """Put the plug-in in a zip archive, a wheel or a YAML file into an empty folder.

    Raises SageError ``plugin.bad_archive`` for anything else, for names that lead out of the folder, and
    for more than MAX_FILES files or MAX_BYTES bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if name.lower().endswith(_YAML):
        if len(content) > MAX_BYTES:
            raise _bad("it is too big")
        (folder / "service.yaml").write_bytes(content)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _extract(archive, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise _bad(str(error) or "it cannot be read") from error


def _extract(archive: zipfile.ZipFile, folder: Path) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if not entries or len(entries) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise _bad(f"it must hold 1 to {MAX_FILES} files of {MAX_BYTES >> 20} MB together")
    top = _common_folder(entries)
    left = MAX_BYTES
    for entry in entries:
        target = folder.joinpath(*_inside(entry).relative_to(top).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source:
            held = source.read(left + 1)
        left -= len(held)
        if left < 0:
            raise _bad(f"it holds more than {MAX_BYTES >> 20} MB")
        target.write_bytes(held)


def _common_folder(entries: list[zipfile.ZipInfo]) -> PurePosixPath:
    """The one folder everything is in, as archives of a folder have it; a wheel has several."""
    tops = {_inside(entry).parts[0] for entry in entries}
    is_inside_one = len(tops) == 1 and all(len(_inside(entry).parts) > 1 for entry in entries)
    return PurePosixPath(tops.pop()) if is_inside_one else PurePosixPath()


def _inside(entry: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(entry.filename)
    is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    if path.is_absolute() or ".." in path.parts or not path.parts or is_link or ":" in entry.filename:
        raise _bad(f"“{entry.filename[:100]}” leads out of it")
    return path


def _bad(reason: str) -> SageError:
    return SageError(BAD_ARCHIVE, {"reason": reason})
