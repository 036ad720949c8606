"""Packages on disk: unpacked once per content, read-only, in the data directory.

What an archive may hold is checked while it is unpacked (``sage_studio.plugins.manager.unpack``). Wheels that
come inside a package, in its folder ``wheels``, are unpacked beside it: nothing is ever fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PathDistribution, distributions
from pathlib import Path

from django.conf import settings

from apps.catalogue.errors import BAD_PACKAGE
from apps.files.types import digest_of_key
from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.child import VENDORED
from sage_studio.plugins.manager import unpack

WHEELS = "wheels"
# A folder nobody has asked for in so long is not in use by any process: they end long before.
LEFT_FOR_S = 24 * 3600.0
ZIP = b"PK\x03\x04"


def folder_of(key: str, content: Callable[[], bytes]) -> Path:
    """The folder of a package, unpacked if this machine has not seen it. Raises SageError
    ``plugin.bad_archive``, ``plugin.bad_package`` and what ``content`` raises."""
    digest = digest_of_key(key)
    assert digest is not None
    root = _root()
    folder = root / digest
    with suppress(FileNotFoundError):
        os.utime(folder)  # somebody is about to use it
        return folder
    root.mkdir(mode=0o700, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{digest[:12]}-", dir=root))
    try:
        _unpack(content(), fresh)
        # Another process may have been faster; what it unpacked is the same.
        with suppress(OSError):
            fresh.rename(folder)
    finally:
        if fresh.is_dir():
            remove_folder(fresh)
    return folder


def folders_forget(in_use: Callable[[], set[str]], *, left_for_s: float = LEFT_FOR_S) -> int:
    """Remove the folders of packages that ``in_use`` (keys) does not name and nobody has asked for in a
    while, and what half-done unpacking left; how many. A package that is asked for again is unpacked anew."""
    gone = 0
    for folder in _left(in_use(), left_for_s):
        aside = folder.with_name(f"{folder.name[:12]}-gone-{os.getpid()}")
        with suppress(FileNotFoundError):
            folder.rename(aside)
            # Asked for since we looked? Then it goes back: whoever asked holds its path.
            if _is_left(aside, left_for_s) and folder.name not in _digests(in_use()):
                remove_folder(aside)
                gone += 1
            else:
                aside.rename(folder)
    return gone


def _left(keys: set[str], left_for_s: float) -> list[Path]:
    root = _root()
    digests = _digests(keys)
    found = sorted(root.iterdir()) if root.is_dir() else []
    return [folder for folder in found if folder.name not in digests and _is_left(folder, left_for_s)]


def _is_left(folder: Path, left_for_s: float) -> bool:
    return time.time() - folder.stat().st_mtime >= left_for_s


def _digests(keys: set[str]) -> set[str]:
    return {digest for key in keys if (digest := digest_of_key(key)) is not None}


def _root() -> Path:
    return Path(settings.DATA_DIR) / "plugins"


def packages_with(folder: Path) -> dict[str, str]:
    """The Python packages a plug-in in ``folder`` finds, with their versions: what is installed here, and
    what it brings itself."""
    found = {other.metadata["Name"]: other.version for other in distributions()}
    brought = (PathDistribution(info) for info in sorted((folder / VENDORED).glob("*.dist-info")))
    return found | {other.metadata["Name"]: other.version for other in brought}


def remove_folder(folder: Path) -> None:
    """Of an unpacked package, whose folders nobody may write to."""
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def bad(reason: str, reason_zh: str) -> SageError:
    return SageError(BAD_PACKAGE, {"reason": reason, "reason_zh": reason_zh})


def _unpack(content: bytes, folder: Path) -> None:
    try:
        unpack(content, folder, name="plugin.zip" if content.startswith(ZIP) else "plugin.yaml")
        for wheel in sorted((folder / WHEELS).glob("*.whl")):
            unpack(wheel.read_bytes(), folder / VENDORED, name=wheel.name)
    except (OSError, ValueError) as error:
        raise bad("its files have names that cannot be.", "其中的文件名无法使用。") from error
    _close(folder)


def _close(folder: Path) -> None:
    """Everybody may read, nobody may write. The processes that read it are nobody themselves."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            (Path(path) / name).chmod(0o444)
        Path(path).chmod(0o555)
