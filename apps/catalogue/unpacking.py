"""Packages on disk: unpacked once per content, read-only, in the data directory.

What an archive may hold is checked while it is unpacked (``sage_studio.plugins.manager.unpack``). Wheels that
come inside a package, in its folder ``wheels``, are unpacked beside it: nothing is ever fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
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
ZIP = b"PK\x03\x04"


def folder_of(key: str, content: Callable[[], bytes]) -> Path:
    """The folder of a package, unpacked if this machine has not seen it. Raises SageError
    ``plugin.bad_archive``, ``plugin.bad_package`` and what ``content`` raises."""
    digest = digest_of_key(key)
    assert digest is not None
    root = Path(settings.DATA_DIR) / "plugins"
    folder = root / digest
    if folder.is_dir():
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
