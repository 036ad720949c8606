"""The node types API."""

from __future__ import annotations

from apps.executions.models import Run
from tests.world import World

# Other tests of the same process may have brought nodes of their own.
BUILT_IN = {
    *("manual_trigger", "file_reader", "pdf_parser", "text_splitter", "embedder", "vector_writer"),
    *("retriever", "llm", "extractive_answer", "data_filter", "data_map", "data_group", "file_writer"),
    *("http_request", "if_else", "merge", "notify"),
}


def test_node_types_are_served_with_their_input_ports(world: World) -> None:
    items = {item["id"]: item for item in world.viewer.client.get(f"{world.url}/node-types").json()["items"]}
    assert set(items) >= BUILT_IN
    retriever = items["retriever"]
    assert [port["name"] for port in retriever["input_ports"]] == ["query", "collection"]
    assert retriever["name"]["zh"]
    assert next(field for field in items["llm"]["config"] if field["name"] == "prompt")["shared_text"] is True


def test_a_browser_that_has_the_list_is_told_so(world: World) -> None:
    first = world.viewer.client.get(f"{world.url}/node-types")
    again = world.viewer.client.get(f"{world.url}/node-types", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = world.viewer.client.get(f"{world.url}/node-types", headers={"If-None-Match": '"old"'})
    assert other.status_code == 200


def test_only_members_see_them(world: World) -> None:
    got = {
        name: client.get(f"{world.url}/node-types").status_code for name, client in world.everyone().items()
    }
    assert got == {
        "anonymous": 401,
        "owner": 200,
        "editor": 200,
        "viewer": 200,
        "stranger": 404,
        "admin": 404,
    }


def test_a_node_is_tried_by_a_run_of_its_own_that_no_list_of_flows_shows(world: World) -> None:
    url = f"{world.url}/node-types/data_filter/try"
    body = {"config": {"condition": "{{ item > 1 }}"}, "inputs": {"items": [1, 2, 3]}}
    started = world.editor.client.post(url, body, format="json")
    assert started.status_code == 202, started.content
    run = Run.objects.get(pk=started.json()["id"])
    assert run.part is not None
    assert (run.part["only_node"], run.part["inputs"]) == ("tried", {"items": [1, 2, 3]})
    shown = world.editor.client.get(f"{world.url}/flows").json()["items"]
    assert all(flow["id"] != str(run.flow_id) for flow in shown)
    assert (
        world.editor.client.post(f"{world.url}/node-types/nothing/try", {}, format="json").status_code == 404
    )
    assert world.viewer.client.post(url, body, format="json").status_code == 403
