"""Import direction and cycles of the front end: the tool is proved to fail on planted violations."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.setup import frontend, node
from infra.setup.console import ROOT

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(not frontend.PACKAGES.exists(), reason="the front end's packages are not installed"),
]
# rule, file, source
PLANTED = [
    ("features-do-not-meet", "features/flows/planted.ts", 'import "@/features/editor";\n'),
    ("features-do-not-import-app", "features/flows/planted.ts", 'import "@/app/router";\n'),
    ("only-app-and-itself-import-a-feature", "components/planted.ts", 'import "@/features/editor";\n'),
    ("flow-core-has-no-react", "flow-core/planted.ts", 'import "react";\n'),
    ("lib-and-i18n-are-below-components", "lib/planted.ts", 'import "@/components/icon";\n'),
    ("nothing-unresolvable", "lib/planted.ts", 'import "@/lib/nowhere";\n'),
    (
        "no-cycles",
        "lib/planted.ts",
        'import { other } from "./planted-too";\nexport const one = () => other;\n',
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The front end's sources with the packages of the real one."""
    folder = tmp_path_factory.mktemp("frontend")
    shutil.copytree(ROOT / "frontend" / "src", folder / "src")
    for name in ("package.json", "tsconfig.json", ".dependency-cruiser.cjs"):
        shutil.copy(ROOT / "frontend" / name, folder / name)
    (folder / "node_modules").symlink_to(frontend.PACKAGES)
    return folder


def imports(folder: Path) -> subprocess.CompletedProcess[str]:
    chosen = node.choose()
    return subprocess.run(
        [*chosen.npm_command("run", "--silent", "imports")],
        cwd=folder,
        env={**os.environ, **chosen.env()},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tree_as_it_is_keeps_the_rules(copy: Path) -> None:
    result = imports(copy)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_planted_violation_is_named(copy: Path) -> None:
    """All at once, because the tool reads the whole tree each time; each file has a name of its own."""
    planted = {}
    for number, (rule, file, source) in enumerate(PLANTED):
        path = copy / "src" / file.replace("planted", f"planted{number}")
        path.write_text(source.replace("planted-too", f"planted{number}-too"), encoding="utf-8")
        planted[rule] = path
    circle = planted["no-cycles"]
    back = f'import {{ one }} from "./{circle.stem}";\nexport const other = () => one;\n'
    circle.with_name(f"{circle.stem}-too.ts").write_text(back, encoding="utf-8")

    result = imports(copy)

    assert result.returncode != 0
    for rule, path in planted.items():
        lines = [line for line in result.stdout.splitlines() if rule in line and path.stem in line]
        assert lines, f"{rule} did not see {path.name}:\n{result.stdout}"
