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
from sage_studio.plugins.manager.loading import load_services
from sage_studio.sdk import Context, Node, NodeOutput, NodeSpec, text
from sage_studio.testing import run_node
from tests.catalogue.test_plugins import look
from tests.servers import mcp
from tests.servers.http import Answer, ScriptedServer
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


async def no_kind(_name: str) -> str:
    return ""


@pytest.mark.asyncio
async def test_described_nodes_are_held_to_the_hosts_that_were_consented_to() -> None:
    shape = {"id": "acme", "name": text("A", "A"), "permissions": Permissions(hosts=("api.example.org",))}
    plugin = Plugin(**shape, nodes=(PluginNode(spec=Caller.spec),), source="yaml")
    (held,) = held_nodes(Loaded(plugin, (Caller,)), plugin, "sha256:x", no_kind)
    ran = await run_node(held, environ={"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"})
    assert ran.error is not None
    assert ran.error["code"] == "plugin.host_not_consented"


LISTING = """
service: sage-studio/service@1
id: acme_pages
name: Pages | 页面
description: Lists pages. | 列出页面。
icon: globe
base_url: {address}
credential_kinds: [bearer]
credential_is_required: false
auth: {auth}
operations:
  - id: list
    name: List | 列出
    path: {path}
    items: items
    paging: {{kind: link}}
"""


def listing(address: str, *, path: str = "/pages", auth: str = "{}", **consent: Any) -> type[Node]:
    """A YAML service as a workspace runs it whose owner consented to less than the file would ask for."""
    service = read_service(LISTING.format(address=address, path=path, auth=auth).encode())
    loaded = load_services([service])
    plugin = loaded.plugin.model_copy(
        update={"permissions": loaded.plugin.permissions.model_copy(update=consent)}
    )

    async def kind_of(name: str) -> str:
        return {"Own key": "bearer"}.get(name, "password")

    (held,) = held_nodes(loaded, plugin, "sha256:x", kind_of)
    return held


@pytest.mark.asyncio
async def test_a_service_file_asks_no_host_that_nobody_consented_to() -> None:
    with ScriptedServer() as other, ScriptedServer() as server:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        server.answers["/pages"] = Answer(200, {"items": [1]}, {"Link": f'<{elsewhere}/pages>; rel="next"'})
        server.answers["/moved"] = Answer(302, "", {"Location": f"{elsewhere}/pages"})
        other.answers["/pages"] = Answer(200, {"items": [2]})
        environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8,::1/128"}
        pages = await run_node(listing(server.url), environ=environ)
        moved = await run_node(listing(server.url, path="/moved"), environ=environ)
        assert pages.outputs["items"] == [1]
        assert moved.error is not None
        assert moved.error["code"] == "plugin.host_not_consented"
        assert "localhost" in str(moved.error)
        assert (len(server.asked), other.asked) == (2, [])

        none = await run_node(listing(server.url, hosts=("api.example.org",)), environ=environ)
        assert none.error is not None
        assert none.error["code"] == "plugin.host_not_consented"
        assert len(server.asked) == 2
        both = ("127.0.0.1", "localhost")
        whole = await run_node(listing(server.url, path="/moved", hosts=both), environ=environ)
        assert whole.outputs["items"] == [2]


@pytest.mark.asyncio
async def test_a_service_file_looks_into_no_credential_of_another_kind_than_was_consented_to() -> None:
    """Its paths may name fields of a credential: of any other kind that would give away somebody's."""
    with ScriptedServer() as server:
        node = listing(server.url, path="/{credential.token}/pages", auth="{path: true}")
        ran = await run_node(
            node,
            config={"credential": "Mail account"},
            environ={"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"},
        )
    assert ran.error is not None
    assert ran.error["code"] == "plugin.not_consented"
    assert server.asked == []


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
