"""What the repository must never hold, whoever commits it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from infra.setup import lock
from infra.setup.console import ROOT

TEXT = {
    ".py",
    ".ts",
    ".tsx",
    ".js",
    ".cjs",
    ".mjs",
    ".css",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".txt",
    ".conf",
    ".sh",
    "",
}
REGISTRY = re.compile(
    r"(pypi\.org/simple|files\.pythonhosted|registry\.npmjs|\"resolved\": *\"https?:|--(extra-)?index-url)"
)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/(?!\.)\w+")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.suffix in TEXT and path.is_file()]


def lines_matching(pattern: re.Pattern[str], *, exempt: tuple[str, ...] = ()) -> list[str]:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name == "tests/architecture/test_repository.py" or name.startswith(exempt):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    return found


def test_no_file_names_a_package_registry() -> None:
    assert lines_matching(REGISTRY) == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_matching(MACHINE) == []


def test_nothing_is_left_to_do_later_in_a_comment() -> None:
    assert lines_matching(UNFINISHED, exempt=("pyproject.toml", "frontend/package-lock.json")) == []


def test_the_lock_fits_the_dependencies_it_was_made_from() -> None:
    assert lock.stale() == []


@pytest.mark.parametrize("path", [path for path, _ in lock.EXPORTS], ids=lambda path: path.name)
def test_every_locked_package_carries_hashes(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert packages
    assert [line for line in packages if "--hash=sha256:" not in line] == []
