"""Plug-ins without code: service files and MCP servers, held to their hosts, with kinds of credentials."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from apps.catalogue.models import Package
from apps.catalogue.selectors import registry
from apps.credentials.kinds import kind_get
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from sage_studio.plugins.declared.reading import read_service
from sage_studio.plugins.isolated.declared import held_nodes
from sage_studio.plugins.manager import Loaded, Permissions, Plugin, PluginNode
from sage_studio.sdk import Context, Node, NodeOutput, NodeSpec, text
from sage_studio.testing import run_node
from tests.catalogue.test_plugins import look
from tests.servers import mcp
from tests.world import World

SERVICE = """
service: sage-studio/service@1
id: acme_notes
version: 1.2.0
name: Acme notes | Acme 笔记
description: Reads notes. | 读取笔记。
icon: globe
base_url: https://api.example.org/v1
credential_kinds: [bearer]
operations:
  - {id: list_notes, name: List notes | 列出笔记, path: /notes}
"""


def install(world: World, seen: dict[str, Any]) -> dict[str, Any]:
    body = {"package_id": seen["id"], "permissions": seen["manifest"]["permissions"]}
    answer = world.owner.client.post(f"{world.url}/plugins", body, format="json")
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_a_service_file_brings_nodes_and_no_code(world: World) -> None:
    seen = look(world.owner.client, world.url, SERVICE.encode(), "acme.yaml").json()
    assert seen["kind"] == "declaration"
    assert seen["manifest"]["permissions"] == {
        "hosts": ["api.example.org"], "files": "none", "secrets": [], "code": False,
    }  # fmt: skip
    install(world, seen)
    node = registry(world.workspace.pk).get("acme_notes")
    assert node is not None
    assert getattr(node, "plugin_id") == "acme_notes"  # noqa: B009 - the class is made at run time


class Caller(Node):
    spec = NodeSpec(
        id="acme_caller",
        name=text("Call", "调用"),
        description=text("Calls.", "调用。"),
        category="service",
        icon="globe",
    )

    async def run(self, ctx: Context, inputs: Any) -> NodeOutput:
        return {"status": (await ctx.http.request("GET", "http://127.0.0.1:9/")).status}


@pytest.mark.asyncio
async def test_described_nodes_are_held_to_the_hosts_that_were_consented_to() -> None:
    shape = {"id": "acme", "name": text("A", "A"), "permissions": Permissions(hosts=("api.example.org",))}
    plugin = Plugin(**shape, nodes=(PluginNode(spec=Caller.spec),), source="yaml")
    (held,) = held_nodes(Loaded(plugin, (Caller,)), plugin, "sha256:x")
    ran = await run_node(held, environ={"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"})
    assert ran.error is not None
    assert ran.error["code"] == "plugin.host_not_consented"


def test_the_tools_of_an_mcp_server_become_nodes(world: World, settings: Any) -> None:
    url = f"{world.url}/plugins/mcp-servers"
    with mcp.over_http() as address:
        refused = world.owner.client.post(url, {"address": address}, format="json")
        assert refused.json()["code"] == "http.refused"
        settings.ALLOW_PRIVATE_NETWORK = [ip_network("127.0.0.0/8")]
        seen = world.owner.client.post(url, {"address": address}, format="json")
        assert seen.status_code == 201, seen.content
    install(world, seen.json())
    assert Package.objects.get().kind == "mcp"
    assert any(spec.id.startswith("mcp_127_0_0_1") for spec in registry(world.workspace.pk).specs())
    program = world.owner.client.post(url, {"address": "stdio:/bin/sh"}, format="json")
    assert program.json()["code"] == "plugin.bad_package"


def test_plug_ins_bring_kinds_of_credentials_to_their_workspace_only(world: World) -> None:
    seen = look(world.owner.client, world.url, SERVICE.encode(), "acme.yaml").json()
    package = Package.objects.get(pk=seen["id"])
    kind = BUILTIN_KINDS["bearer"].model_copy(update={"id": "acme_key"})
    package.manifest = {**package.manifest, "credential_kinds": [kind.model_dump(mode="json")]}
    package.save()
    install(world, seen)
    assert kind_get(world.workspace.pk, "acme_key") is not None
    assert kind_get(world.elsewhere.pk, "acme_key") is None


@pytest.mark.parametrize(
    "content",
    [b"- " * 50_000, b"[" * 300_000, b"a: 1" + b":1" * 400_000, b"a: &a {k: 1}\nb: {<<: [*a, *a]}"],
    ids=["lists", "brackets", "number", "merges"],
)
def test_a_file_that_harms_its_reader_is_refused_before_it_is_read(content: bytes) -> None:
    """Nesting ended the whole process; merge keys and long numbers took its memory and time."""
    with pytest.raises(SageError) as failed:
        read_service(content)
    assert failed.value.code.code == "service.bad_file"


@pytest.mark.parametrize("config", [None, 1, "x", [None]])
def test_settings_to_bring_up_to_date_are_an_object(world: World, config: Any) -> None:
    asked = {"type": "llm", "version": "1.0.0", "from_version": "0.1.0", "config": config}
    answer = world.editor.client.post(f"{world.url}/node-types/upgrade", asked, format="json")
    assert answer.status_code == 400


def test_an_empty_package_is_no_plug_in(world: World) -> None:
    url = f"{world.url}/plugins/packages?name=a.yaml"
    answer = world.owner.client.post(url, data=b"", content_type="application/octet-stream")
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("address", ["http://[::/", "https://", "http://x:99999/"])
def test_what_is_no_address_is_no_mcp_server(world: World, address: str) -> None:
    answer = world.owner.client.post(f"{world.url}/plugins/mcp-servers", {"address": address}, format="json")
    assert answer.status_code == 422
