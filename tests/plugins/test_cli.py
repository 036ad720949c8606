"""``sage-studio plugin``: what it makes works, and what it says is so."""

from __future__ import annotations

import json
import runpy
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hatchling.build import build_wheel

from sage_studio.cli.main import main
from sage_studio.cli.plugin.testing import at_every_change
from sage_studio.plugins.manager import load_folder
from sage_studio.plugins.manager.installed import local_registry, opened

EXAMPLES = Path(__file__).parent / "examples"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C")
    return tmp_path


def test_a_new_package_is_installed_and_its_tests_run(
    plugins: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel is unpacked as pip would, where nothing of the working folder is seen."""
    assert main(["plugin", "new", "acme-greeter"]) == 0
    assert main(["plugin", "test", "--strict", "acme_greeter"]) == 0
    assert "1 nodes, 0 errors, 0 warnings." in capsys.readouterr().out

    project = plugins / "acme_greeter"
    monkeypatch.chdir(project)
    wheel = plugins / build_wheel(str(plugins))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(plugins / "site")
    monkeypatch.syspath_prepend(plugins / "site")
    for module in [name for name in sys.modules if name.startswith("acme_greeter")]:
        monkeypatch.delitem(sys.modules, module)
    tests = runpy.run_path(str(project / "tests/test_acme_greeter.py"))
    asked = [name for name in tests if name.startswith("test_")]
    for name in asked:
        tests[name]()
    assert len(asked) == 3
    assert sys.modules["acme_greeter"].__file__ == str(plugins / "site/acme_greeter/__init__.py")

    capsys.readouterr()
    assert main(["plugin", "list"]) == 0
    assert "acme_greeter 1.0.0  Acme greeter: acme_greeter_repeat" in capsys.readouterr().out

    with opened(wheel) as folder:
        loaded = load_folder(folder)
    assert (loaded.plugin.id, loaded.plugin.version, loaded.plugin.permissions.code) == (
        "acme_greeter",
        "1.0.0",
        True,
    )
    assert loaded.plugin.requires.product == ">=0.1"
    assert loaded.plugin.requires.python == ()


@pytest.mark.parametrize("place", ["nowhere", "file.txt"])
def test_what_is_no_plug_in_cannot_be_packed(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file.txt").write_text("x")
    assert main(["plugin", "pack", str(tmp_path / place)]) != 0
    assert "There is no plug-in at" in capsys.readouterr().err


def test_a_new_folder_is_packed_and_tested_from_its_archive(
    plugins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugin", "new", "tally", "--kind", "folder"]) == 0
    assert main(["plugin", "pack", "tally"]) == 0
    assert main(["plugin", "test", "--show", "tally-1.0.0.zip"]) == 0
    assert "words = 3" in capsys.readouterr().out

    assert main(["plugin", "describe", "--json", "tally"]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert (manifest["id"], manifest["source"], manifest["nodes"][0]["origin"]) == (
        "tally",
        "folder",
        "tally_node:Tally",
    )


def test_names_are_checked_and_nothing_is_overwritten(
    plugins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plugin", "new", "1 bad"]) == 2
    assert "no name for a plug-in" in capsys.readouterr().err
    (plugins / "there").mkdir()
    assert main(["plugin", "new", "there"]) == 2


def test_a_faulty_plugin_fails_the_test(plugins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plugin", "new", "wrong_tally", "--kind", "folder"])
    file = plugins / "wrong_tally/node.json"
    file.write_text(file.read_text().replace('"outputs": {"words": 3}', '"outputs": {"words": 4}'))
    assert main(["plugin", "test", "wrong_tally"]) == 1
    assert "example: words is 3" in capsys.readouterr().out


def test_conflicts_are_named_before_anything_is_installed(
    plugins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["plugin", "new", "needy", "--kind", "folder"])
    file = plugins / "needy/plugin.json"
    head: dict[str, Any] = json.loads(file.read_text())
    head["requires"] = {
        "python": ["numpy>=1", "numpy<1", "no-such-package-at-all", "other; python_version < '3'"],
        "plugins": {"base_plugin": ">=1"},
        "product": ">=99",
    }
    file.write_text(json.dumps(head))
    capsys.readouterr()

    assert main(["plugin", "check", "needy"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("✗ ")[1].split(";")[0] for line in lines] == [
        "It needs SAGE Studio >=99",
        "It needs the Python package numpy<1",
        "The Python package no-such-package-at-all is not installed.",
        "It needs the plug-in base_plugin >=1, which is not installed.",
    ]


def test_it_runs_again_at_every_save(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    file.write_text("{}")
    done: list[str] = []
    saves = iter(["[]", None, "[{}]"])

    def wait(_seconds: float) -> None:
        try:
            content = next(saves)
        except StopIteration:
            raise KeyboardInterrupt from None
        if content is not None:
            file.write_text(content)

    at_every_change(tmp_path, lambda: done.append(file.read_text()), wait=wait)
    assert done == ["{}", "[]", "[{}]"]


def test_the_command_line_runs_flows_with_plugins_of_a_folder(
    plugins: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["plugin", "new", "flow_tally", "--kind", "folder"])
    monkeypatch.setenv("SAGE_PLUGIN_PATH", str(plugins / "flow_tally"))
    node = {"id": "n", "type": "flow_tally_count", "config": {"text": "a b c"}}
    (plugins / "flow.json").write_text(json.dumps({"schema": "sage-studio/flow@1", "nodes": [node]}))
    capsys.readouterr()

    assert local_registry().versions("flow_tally_count") == ["1.0.0"]
    assert main(["validate", "flow.json"]) == 0
    assert main(["run", "flow.json"]) == 0
    assert '"words": 3' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b"no archive"),
        ("b.zip", {"../out.py": "x"}),
        ("c.zip", {"/etc/x": "x"}),
        ("d.zip", {}),
        ("e.zip", {f"f{number}": "" for number in range(2_001)}),
    ],
)
def test_archives_that_are_none_or_reach_out_are_refused(
    plugins: Path, name: str, content: bytes | dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    if isinstance(content, bytes):
        (plugins / name).write_bytes(content)
    else:
        with zipfile.ZipFile(plugins / name, "w") as archive:
            for inside, held in content.items():
                archive.writestr(inside, held)
    assert main(["plugin", "test", name]) == 1
    assert "plugin.bad_archive" in capsys.readouterr().err
    assert not (plugins.parent / "out.py").exists()
