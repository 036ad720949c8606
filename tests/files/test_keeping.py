"""How much a workspace keeps and for how long, names of files, and who uses them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.files import services
from apps.files.models import Blob, File
from apps.files.services import Draft, artifact_write, blob_put, files_forget
from apps.files.store import store
from tests.files.test_files_api import upload
from tests.world import World


def artifact(world: World, name: str = "out.csv", content: bytes = b"a\n1\n") -> File:
    with Draft() as draft:
        draft.write(content)
        return artifact_write(
            world.workspace.pk, run_id=uuid.uuid4(), name=name, mime="text/csv", draft=draft
        )


def test_the_size_view_counts_each_kind(world: World) -> None:
    upload(world.editor.client, world.url, content=b"12345")
    artifact(world)
    blob_put(world.workspace.pk, b"a value")
    services.vectors_upsert(
        world.workspace.pk, "c", ids=["1"], vectors=[[0.5, 1.0]], texts=["words"], metadatas=[{}], model="m"
    )
    shown = world.viewer.client.get(f"{world.url}/storage").json()
    kinds = {kind: tuple(shown[kind].values()) for kind in ("uploads", "artifacts", "values", "vectors")}
    assert kinds == {"uploads": (1, 5), "artifacts": (1, 4), "values": (1, 7), "vectors": (1, 13)}
    assert (shown["used_bytes"], shown["uploads_days"], shown["artifacts_days"]) == (16, 0, 90)


def test_only_owners_say_how_long_files_are_kept(world: World) -> None:
    url = f"{world.url}/storage"
    refused = [
        world.everyone()[name].patch(url, {"uploads_days": 1}, format="json") for name in ("viewer", "editor")
    ]
    assert [answer.status_code for answer in refused] == [403, 403]
    shown = world.owner.client.patch(url, {"uploads_days": 30}, format="json").json()
    assert (shown["uploads_days"], shown["artifacts_days"]) == (30, 90)


def test_a_workspace_that_is_full_takes_no_more(world: World, settings: Any) -> None:
    settings.WORKSPACE_QUOTA_BYTES = 300_000
    assert upload(world.editor.client, world.url, content=b"x" * 200_000).status_code == 201
    refused = upload(world.editor.client, world.url, content=b"y" * 200_000)
    assert (refused.status_code, refused.json()["code"]) == (413, "file.quota")
    with pytest.raises(Exception, match="no room left"):
        artifact(world, content=b"z" * 200_000)
    assert Blob.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_old_files_go_and_those_that_flows_name_stay(world: World) -> None:
    made = {name: upload(world.editor.client, world.url, name, name.encode()).json() for name in ("a", "b")}
    written = artifact(world)
    world.owner.client.patch(f"{world.url}/storage", {"uploads_days": 10}, format="json")
    node = {"id": "read_1", "type": "file_reader", "config": {"files": [made["a"]]}}
    body = {"schema": "sage-studio/flow@1", "name": "Reads", "nodes": [node], "edges": []}
    answer = world.editor.client.post(
        f"{world.url}/flows", {"name": "Reads", "definition": body}, format="json"
    )
    assert answer.status_code == 201, answer.content
    assert files_forget(now=timezone.now() + timedelta(days=11)) == 1
    assert set(File.objects.values_list("name", flat=True)) == {"a", "out.csv"}
    assert not store().exists(world.workspace.pk, made_digest("b"))
    assert files_forget(now=timezone.now() + timedelta(days=91)) == 1
    assert not File.objects.filter(pk=written.pk).exists()


def made_digest(content: str) -> str:
    with Draft() as draft:
        draft.write(content.encode())
        return draft.sha256


def test_flows_that_use_a_file_are_listed(world: World) -> None:
    made = upload(world.editor.client, world.url).json()
    node = {"id": "read_1", "type": "file_reader", "config": {"files": [made]}}
    body = {"schema": "sage-studio/flow@1", "name": "Reads", "nodes": [node], "edges": []}
    for name, definition in (("Reads", body), ("Other", {**body, "name": "Other", "nodes": []})):
        world.editor.client.post(
            f"{world.url}/flows", {"name": name, "definition": definition}, format="json"
        )
    found = world.viewer.client.get(f"{world.url}/flows", {"names": made["ref"]}).json()["items"]
    assert [flow["name"] for flow in found] == ["Reads"]


def test_an_upload_gets_another_name_and_what_a_run_wrote_keeps_its(world: World) -> None:
    made = upload(world.editor.client, world.url).json()
    url = f"{world.url}/files/{made['id']}"
    renamed = world.editor.client.patch(url, {"name": "../b.txt"}, format="json").json()
    assert (renamed["name"], renamed["ref"]) == ("b.txt", made["ref"])
    assert world.viewer.client.patch(url, {"name": "c"}, format="json").status_code == 403
    refused = world.editor.client.patch(
        f"{world.url}/files/{artifact(world).pk}", {"name": "c"}, format="json"
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "file.of_run")


def test_files_are_found_by_a_part_of_their_name(world: World) -> None:
    for name in ("Orders.csv", "people.csv"):
        upload(world.editor.client, world.url, name)
    found = world.viewer.client.get(f"{world.url}/files", {"q": "order"}).json()["items"]
    assert [file["name"] for file in found] == ["Orders.csv"]
