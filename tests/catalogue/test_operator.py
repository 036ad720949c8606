"""What the operator decides and sees: rules for plug-ins, packages put in with pip, walls that are missing,
unpacked packages that nobody needs any more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.catalogue import rules
from apps.catalogue.models import Package
from apps.catalogue.places import package_folder
from apps.catalogue.selectors import instance_registry, registry
from apps.catalogue.services import plugin_folders_forget
from apps.catalogue.unpacking import LEFT_FOR_S
from sage_studio.sandbox.isolation import isolation
from tests.catalogue.making import NODE, archive, plugin, plugin_files
from tests.catalogue.test_plugins import install, look, look_once, types_of
from tests.world import World

__all__ = ["look_once"]
behind_walls = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
RULES = "/api/v1/plugin-rules"


def rule(world: World, plugin_id: str, **said: Any) -> Any:
    body = {"plugin_id": plugin_id, "is_allowed": True, **said}
    return world.admin.client.put(RULES, body, format="json")


def wheel(name: str, module: str, *, version: str = "1.0", points: str = "", requires: str = "") -> bytes:
    """A wheel with one module, as a build would make it."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}/__init__.py": module,
        f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if points:
        files[f"{info}/entry_points.txt"] = points
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    return archive(files)


@behind_walls
def test_rules_allow_deny_and_pin_and_say_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    install(world, plugin(version="1.0.0"))
    install(world, plugin(version="2.0.0"))
    answers = {name: client.get(RULES).status_code for name, client in world.everyone().items()}
    assert answers == {
        "anonymous": 401, "owner": 403, "editor": 403, "viewer": 403, "stranger": 403, "admin": 200,
    }  # fmt: skip

    rule(world, "acme", pinned="1.0.0", note="2.0.0 is being looked at.")
    assert types_of(world.viewer.client, world.url)[NODE]["versions"] == ["1.0.0"]
    (mine,) = world.owner.client.get(f"{world.url}/plugins").json()["items"]
    assert mine["refused"]["en"] == (
        "The administrator of this installation allows only 1.0.0. 2.0.0 is being looked at."
    )
    rule(world, "acme", is_allowed=False)
    assert NODE not in types_of(world.viewer.client, world.url)
    package = Package.objects.get(version="2.0.0")
    again = {"package_id": str(package.pk), "permissions": package.permissions}
    refused = world.owner.client.post(f"{world.url}/plugins", again, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "plugin.not_allowed_here")
    rule(world, "*", is_allowed=False)
    rule(world, "acme", pinned=package.key)
    assert types_of(world.viewer.client, world.url)[NODE]["versions"] == ["2.0.0"]
    assert rule(world, "acme", pinned="not a version").json()["code"] == "plugin.bad_pin"

    monkeypatch.setattr(settings, "PLUGIN_RULES", ["acme=1.0.0"])
    rule(world, "other", is_allowed=False)  # every workspace looks anew
    assert types_of(world.viewer.client, world.url)[NODE]["versions"] == ["1.0.0"]
    assert rule(world, "acme").json()["code"] == "plugin.rule_is_a_setting"
    shown = {one["plugin_id"]: one["is_setting"] for one in world.admin.client.get(RULES).json()["items"]}
    assert shown == {"*": False, "acme": True, "other": False}
    assert [one.plugin_id for one in rules.rules()] == ["*", "acme", "other"]


@behind_walls
def test_a_node_s_own_version_is_described(world: World) -> None:
    install(world, plugin(version="1.0.0"))
    changed = plugin_files(version="2.0.0")
    changed["acme/__init__.py"] = str(changed["acme/__init__.py"]).replace('name="what"', 'name="words"')
    install(world, archive(changed))
    old = world.viewer.client.get(f"{world.url}/node-types/{NODE}/versions/1.0.0").json()
    new = types_of(world.viewer.client, world.url)[NODE]
    assert ([field["name"] for field in old["config"]], old["versions"]) == (["what"], ["2.0.0", "1.0.0"])
    assert [field["name"] for field in new["config"]] == ["words"]
    gone = world.viewer.client.get(f"{world.url}/node-types/{NODE}/versions/3.0.0")
    assert gone.status_code == 404


def test_a_package_put_in_with_pip_is_everybody_s(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = plugin_files(name="acme_site", node="acme_site_say")
    made = tmp_path / "acme_site-1.0-py3-none-any.whl"
    points = "[sage_studio.plugins]\nacme_site = acme_site:plugin\n"
    made.write_bytes(wheel("acme_site", str(files["acme_site/__init__.py"]), points=points))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target"]
    subprocess.run([*pip, str(tmp_path / "site"), str(made)], check=True, timeout=300)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    instance_registry.cache_clear()
    try:
        node = registry(world.workspace.pk).get("acme_site_say")
        assert node is not None
        assert node.__module__ == "acme_site"
        assert "acme_site_say" in types_of(world.stranger.client, f"/api/v1/workspaces/{world.elsewhere.pk}")
    finally:
        instance_registry.cache_clear()


@behind_walls
def test_a_package_brings_wheels_of_its_own(world: World) -> None:
    """Its code, loaded behind the walls, finds them; they count for what it requires."""
    files = plugin_files(requires='"acme-lib>=1"')
    module = str(files["acme/__init__.py"])
    module = module.replace('default="hello"', "default=acme_lib.WORD")
    files["acme/__init__.py"] = f"import acme_lib\n{module}"
    missing = look(world.owner.client, world.url, archive(files))
    assert missing.json()["code"] == "plugin.not_described"
    files["wheels/acme_lib-1.0-py3-none-any.whl"] = wheel("acme_lib", "WORD = 'from the wheel'\n")
    given = install(world, archive(files))
    assert given["current"]["manifest"]["nodes"][0]["spec"]["config"][0]["default"] == "from the wheel"


@pytest.fixture
def no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    isolation.cache_clear()
    yield
    isolation.cache_clear()


@pytest.mark.usefixtures("no_bubblewrap")
def test_without_bubblewrap_code_is_refused_and_the_pages_say_so(world: World) -> None:
    refused = look(world.owner.client, world.url, plugin(name="acme_bare"))
    assert (refused.status_code, refused.json()["code"]) == (503, "plugin.no_isolation")
    assert "bubblewrap" in refused.json()["detail" if "detail" in refused.json() else "hint"]
    walls = world.viewer.client.get(f"{world.url}/plugins").json()["isolation"]
    assert walls["level"] in ("filters", "limits")
    assert walls["takes_code"] is False
    assert "bubblewrap" in walls["reason"]["en"]
    assert world.anonymous.get("/readyz").json()["sandbox"] == walls["level"]


@behind_walls
def test_unpacked_packages_nobody_needs_go(world: World) -> None:
    """Not those that are installed, that a run is pinned to, or that somebody has just asked for."""
    keys = {}
    for name in ("installed", "pinned", "left", "fresh"):
        look(world.owner.client, world.url, plugin(name=f"acme_{name}", node=f"acme_{name}_say"))
        keys[name] = Package.objects.get(plugin_id=f"acme_{name}").key
    Package.objects.filter(key=keys["installed"]).update(installed_at="2026-01-01T00:00:00Z")
    folders = {name: package_folder(world.workspace.pk, key) for name, key in keys.items()}
    half = folders["left"].with_name("0123456789ab-half")
    half.mkdir()
    for folder in (folders["installed"], folders["pinned"], folders["left"], half):
        os.utime(folder, (folder.stat().st_atime, folder.stat().st_mtime - LEFT_FOR_S - 60))

    assert plugin_folders_forget(lambda: {keys["pinned"]}) == 2
    there = {name for name, folder in folders.items() if folder.is_dir()}
    assert (there, half.exists()) == ({"installed", "pinned", "fresh"}, False)
    assert (package_folder(world.workspace.pk, keys["left"]) / "pyproject.toml").is_file()
