"""Plug-ins of a workspace: looking, consenting, versions side by side, switching, removing, isolation."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.audit.models import AuditEntry
from apps.catalogue import services
from apps.catalogue.inspection import inspect_package
from apps.catalogue.models import Package
from apps.catalogue.selectors import pins_of, registry, registry_pinned
from apps.catalogue.services import plugin_rule_set
from sage_studio.flow import parse_plain
from sage_studio.kernel import JsonObject
from tests.catalogue.making import NODE, plugin
from tests.world import World

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

_asked: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def look_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every package is loaded in a process of its own; the same one is so once for all tests here."""

    def once(key: str, content: bytes) -> Any:
        if key not in _asked:
            _asked[key] = inspect_package(key, content)
        return _asked[key]

    monkeypatch.setattr(services, "inspect_package", once)


def look(client: APIClient, url: str, content: bytes, name: str = "acme.zip") -> Any:
    return client.post(
        f"{url}/plugins/packages?name={name}", data=content, content_type="application/octet-stream"
    )


def install(world: World, content: bytes) -> dict[str, Any]:
    seen = look(world.owner.client, world.url, content)
    assert seen.status_code == 201, seen.content
    body = {"package_id": seen.json()["id"], "permissions": seen.json()["manifest"]["permissions"]}
    answer = world.owner.client.post(f"{world.url}/plugins", body, format="json")
    assert answer.status_code == 201, answer.content
    given: dict[str, Any] = answer.json()
    return given


def types_of(client: APIClient, url: str) -> dict[str, Any]:
    return {item["id"]: item for item in client.get(f"{url}/node-types").json()["items"]}


def flow_with(version: str | None) -> Any:
    node: JsonObject = {"id": "n1", "type": NODE}
    if version:
        node["version"] = version
    return parse_plain({"schema": "sage-studio/flow@1", "nodes": [node]})


def test_a_plug_in_is_looked_at_consented_to_used_switched_and_removed(world: World) -> None:
    content = plugin(permissions='hosts=("api.example.org",), secrets=("bearer",), files="read"')
    seen = look(world.owner.client, world.url, content).json()
    assert seen["manifest"]["permissions"] == {
        "hosts": ["api.example.org"], "files": "read", "secrets": ["bearer"], "code": True,
    }  # fmt: skip
    assert (seen["conflicts"], seen["installed_version"]) == ([], None)
    assert NODE not in types_of(world.viewer.client, world.url)

    other = {"package_id": seen["id"], "permissions": {**seen["manifest"]["permissions"], "hosts": []}}
    refused = world.owner.client.post(f"{world.url}/plugins", other, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "plugin.consent_changed")

    assert install(world, content)["current"]["version"] == "1.0.0"
    known = types_of(world.viewer.client, world.url)[NODE]
    assert (known["plugin"], known["versions"], known["name"]["zh"]) == ("acme", ["1.0.0"], "说")
    assert NODE not in types_of(world.stranger.client, f"/api/v1/workspaces/{world.elsewhere.pk}")

    for is_enabled in (False, True):
        world.owner.client.patch(f"{world.url}/plugins/acme", {"is_enabled": is_enabled}, format="json")
        assert (NODE in types_of(world.viewer.client, world.url)) is is_enabled
    assert world.owner.client.delete(f"{world.url}/plugins/acme").status_code == 204
    assert NODE not in types_of(world.viewer.client, world.url)
    acted = AuditEntry.objects.filter(action__startswith="plugin.").values_list("action", flat=True)
    assert [*acted.order_by("seq")] == [
        "plugin.installed", "plugin.disabled", "plugin.enabled", "plugin.removed",
    ]  # fmt: skip


def test_versions_stand_side_by_side_and_runs_keep_what_they_were_accepted_with(world: World) -> None:
    install(world, plugin(version="1.0.0"))
    workspace_id = world.workspace.pk
    pins = pins_of(flow_with("1.0.0"), registry(workspace_id))
    install(world, plugin(version="2.0.0"))
    types = registry(workspace_id)
    assert types.versions(NODE) == ["2.0.0", "1.0.0"]
    assert pins_of(flow_with("1.0.0"), types) == pins
    assert pins_of(flow_with(None), types) != pins

    world.owner.client.delete(f"{world.url}/plugins/acme")
    pinned = registry_pinned(workspace_id, pins).get(NODE)
    assert pinned is not None
    assert pinned.spec.version == "1.0.0"
    assert registry(workspace_id).get(NODE) is None


def test_settings_are_brought_up_to_date_by_the_plug_in_s_own_code(world: World) -> None:
    install(world, plugin(version="2.0.0"))
    asked = {"type": NODE, "version": "2.0.0", "from_version": "1.0.0", "config": {"what": "x"}}
    answer = world.editor.client.post(f"{world.url}/node-types/upgrade", asked, format="json")
    assert answer.json() == {"config": {"what": "x (from 1.0.0)"}}


def test_what_does_not_fit_is_told_before_it_is_installed(world: World) -> None:
    wants = plugin(requires='"no-such-library>=3"', node="llm")
    seen = look(world.owner.client, world.url, wants).json()
    said = " ".join(conflict["en"] for conflict in seen["conflicts"])
    assert "no-such-library>=3 is not installed" in said
    assert "“llm”" in said
    body = {"package_id": seen["id"], "permissions": seen["manifest"]["permissions"]}
    answer = world.owner.client.post(f"{world.url}/plugins", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "plugin.conflicts")


def test_the_operator_decides_which_plug_ins_may_be_used(world: World) -> None:
    install(world, plugin())
    plugin_rule_set(world.admin.person, "acme", is_allowed=False)
    assert registry(world.workspace.pk).get(NODE) is None
    plugin_rule_set(world.admin.person, "acme", is_allowed=None)
    assert registry(world.workspace.pk).get(NODE) is not None


def test_only_owners_bring_plug_ins_and_nobody_sees_another_workspace_s(world: World) -> None:
    content = plugin()
    codes = {name: look(client, world.url, content).status_code for name, client in world.everyone().items()}
    assert codes == {
        "anonymous": 401, "owner": 201, "editor": 403, "viewer": 403, "stranger": 404, "admin": 404,
    }  # fmt: skip
    package = Package.objects.get()
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    body = {"package_id": str(package.pk), "permissions": package.permissions}
    assert world.stranger.client.post(f"{elsewhere}/plugins", body, format="json").status_code == 404
