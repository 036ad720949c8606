"""Every import contract holds on the tree as it is, and each is proved to bite by a planted violation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# contract, file the violation is planted in, what is planted
PLANTED = [
    ("engine-layers", "apps/engine/sage_studio/kernel/planted.py", "import sage_studio.flow"),
    ("engine-layers", "apps/engine/sage_studio/flow/planted.py", "import sage_studio.sdk"),
    ("engine-layers", "apps/engine/sage_studio/expressions/planted.py", "import sage_studio.egress"),
    ("engine-layers", "apps/engine/sage_studio/stray/__init__.py", ""),
    ("engine-is-not-django", "apps/engine/sage_studio/sdk/planted.py", "import django.conf"),
    ("engine-is-not-django", "apps/engine/sage_studio/sdk/planted.py", "import rest_framework"),
    ("engine-is-not-django", "apps/engine/sage_studio/engine/planted.py", "import channels.layers"),
    ("engine-is-not-django", "apps/engine/sage_studio/engine/planted.py", "import celery"),
    ("engine-is-not-django", "apps/engine/sage_studio/engine/planted.py", "import asgiref.sync"),
    ("engine-is-not-django", "apps/engine/sage_studio/plugins/planted.py", "import apps.common.errors"),
    ("app-layers", "apps/common/planted.py", "import apps.accounts.models"),
    ("app-layers", "apps/flows/planted.py", "import apps.collaboration.services"),
    ("app-layers", "apps/files/planted.py", "import apps.credentials.services"),
    ("app-layers", "apps/stray/__init__.py", ""),
    ("public-modules", "apps/flows/planted.py", "import apps.files.apis"),
    ("public-modules", "apps/executions/planted.py", "import apps.files.adapters"),
    ("public-modules", "apps/accounts/planted.py", "import apps.audit"),
    ("inside-an-app", "apps/accounts/models.py", "import apps.accounts.services"),
    ("inside-an-app", "apps/accounts/selectors.py", "import apps.accounts.services"),
    ("inside-an-app", "apps/executions/services.py", "import apps.executions.adapters"),
    ("inside-an-app", "apps/files/services.py", "import apps.files.apis"),
    ("composition-root", "apps/audit/planted.py", "import studio_project.settings"),
    ("composition-root", "apps/engine/sage_studio/cli/planted.py", "import studio_project.config"),
    ("no-cycles", "apps/common/errors.py", "import apps.common.problems"),
    ("no-cycles", "apps/engine/sage_studio/kernel/json.py", "import sage_studio.kernel.errors"),
]


def lint_imports(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """import-linter over ``tree``; its packages win over the installed ones."""
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "lint-imports"),
            "--cache-dir",
            str(tree.parent / "cache"),
            *options,
        ],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'apps' / 'engine'}"},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def planted(path: Path, source: str) -> Iterator[None]:
    """Adds a line to a file, which may be new, and takes it away again."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{before or ''}\n{source}\n", encoding="utf-8")
    try:
        yield
    finally:
        if before is not None:
            path.write_text(before, encoding="utf-8")
        else:
            path.unlink()
        for folder in made:
            folder.rmdir()


def test_every_contract_holds_on_the_tree_as_it_is(tree: Path) -> None:
    result = lint_imports(tree)

    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(("contract", "file", "source"), PLANTED)
def test_a_planted_violation_breaks_its_contract(tree: Path, contract: str, file: str, source: str) -> None:
    with planted(tree / file, source):
        result = lint_imports(tree, "--contract", contract)

    assert result.returncode == 1, result.stdout
    assert "1 broken" in result.stdout, result.stdout
