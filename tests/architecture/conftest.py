"""A copy of the sources in which violations may be planted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.setup.console import ROOT

COPIED = ("apps", "studio_project", "infra", "pyproject.toml")
UNWANTED = shutil.ignore_patterns("__pycache__", "node_modules", "*.pyc", ".data", ".import_linter_cache")


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python sources and their lint configuration, in a folder of their own."""
    copy = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=UNWANTED)
        else:
            shutil.copy(source, copy / name)
    return copy
