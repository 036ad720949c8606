"""The plug-ins of this machine without a server: installed packages, and folders somebody names."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from sage_studio.kernel import SageError
from sage_studio.plugins.manager.content import unpack
from sage_studio.plugins.manager.errors import NOT_A_PLUGIN
from sage_studio.plugins.manager.loading import load_folder, load_package
from sage_studio.plugins.manager.manifest import Loaded
from sage_studio.plugins.manager.packages import PackageFacts, installed_packages
from sage_studio.plugins.registry import NodeRegistry, builtin_registry

PATH_VARIABLE = "SAGE_PLUGIN_PATH"


def load_installed() -> Iterator[tuple[PackageFacts, Loaded | SageError]]:
    """Every installed package with plug-ins, loaded into this process, or why it could not be."""
    for facts in installed_packages():
        try:
            yield facts, load_package(facts, source="entry_point")
        except SageError as error:
            yield facts, error


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a plug-in: itself, or what an archive, wheel or YAML file holds, unpacked for the while.

    Raises SageError ``plugin.*``.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise SageError(NOT_A_PLUGIN, {"place": str(path)})
    with tempfile.TemporaryDirectory(prefix="sage-plugin-") as made:
        folder = Path(made)
        unpack(path.read_bytes(), folder, name=path.name)
        yield folder


def local_registry(environ: Mapping[str, str] | None = None) -> NodeRegistry:
    """What flows on the command line run with: the product's nodes, those of installed packages, and those of
    the folders in ``SAGE_PLUGIN_PATH``.

    Raises SageError ``plugin.*`` for a folder that cannot be loaded; a broken package is left out.
    """
    given = (os.environ if environ is None else environ).get(PATH_VARIABLE, "")
    return _registry(tuple(part for part in given.split(os.pathsep) if part))


@lru_cache(maxsize=4)
def _registry(folders: tuple[str, ...]) -> NodeRegistry:
    registry = NodeRegistry(below=builtin_registry())
    packages = (found for _facts, found in load_installed() if isinstance(found, Loaded))
    for loaded in (*packages, *(load_folder(Path(folder).absolute()) for folder in folders)):
        _add(registry, loaded)
    return registry


def _add(registry: NodeRegistry, loaded: Loaded) -> None:
    for node in loaded.nodes:
        try:
            registry.add(node)
        except ValueError as error:
            raise SageError(NOT_A_PLUGIN, {"place": f"{loaded.plugin.id}: {error}"}) from error
