"""Uploading, listing, downloading and deleting files, by all roles, with hostile input."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from apps.audit.models import AuditEntry
from apps.files import disk
from apps.files.models import Blob, File
from apps.files.services import blob_put
from tests.world import World


def upload(client: APIClient, url: str, name: str = "a.txt", content: bytes = b"words", **extra: Any) -> Any:
    files = {"file": SimpleUploadedFile(name, content, content_type="text/html")}
    return client.post(f"{url}/files", {**files, **extra}, format="multipart")


def content_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def status_of(response: Any) -> int:
    """The status; a download is read to its end, which closes its file."""
    if response.streaming:
        content_of(response)
    return int(response.status_code)


@pytest.fixture(autouse=True)
def _nothing_is_on_its_way() -> None:
    """What other tests left unfinished lies where uploads arrive, as it should."""
    for path in incoming():
        path.unlink()


def incoming() -> list[Path]:
    folder = disk.path_of(uuid.uuid4(), "0" * 64).parents[2] / "incoming"
    return list(folder.iterdir()) if folder.exists() else []


def test_an_upload_comes_back_byte_for_byte_and_is_a_file_value(world: World) -> None:
    content = bytes(range(256)) * 1000
    made = upload(world.editor.client, world.url, "data.bin", content)
    assert made.status_code == 201
    body = made.json()
    assert (body["name"], body["size_bytes"], body["ref"]) == ("data.bin", 256_000, f"file:{body['id']}")
    response = world.viewer.client.get(f"{world.url}/files/{body['id']}/content")
    assert content_of(response) == content


def test_a_download_is_never_rendered_here(world: World) -> None:
    made = upload(world.editor.client, world.url, "x.html", b"<script>alert(1)</script>").json()
    response = world.owner.client.get(f"{world.url}/files/{made['id']}/content")
    assert content_of(response).startswith(b"<script>")
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "content", "mime"),
    [
        ("a.html", b"%PDF-1.4", "application/pdf"),
        ("a.pdf", b"<script>", "text/plain"),
        ("a.csv", b"a,b\n", "text/csv"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.txt", b"\x00\x01", "application/octet-stream"),
    ],
)
def test_the_type_is_judged_by_content(world: World, name: str, content: bytes, mime: str) -> None:
    assert upload(world.editor.client, world.url, name, content).json()["mime"] == mime


def test_names_lose_what_is_dangerous(world: World) -> None:
    made = upload(world.editor.client, world.url, "..\\..\\e\u202etxt.exe").json()
    assert made["name"] == "etxt.exe"


def test_who_may_do_what(world: World) -> None:
    made = upload(world.editor.client, world.url).json()
    one = f"{world.url}/files/{made['id']}"
    expected = {
        "anonymous": (401, 401, 401, 401),
        "stranger": (404, 404, 404, 404),
        "admin": (404, 404, 404, 404),
        "viewer": (200, 200, 403, 403),
        "owner": (200, 200, 201, 204),
    }
    for name, statuses in expected.items():
        client = world.everyone()[name]
        got = (
            client.get(f"{world.url}/files").status_code,
            status_of(client.get(f"{one}/content")),
            upload(client, world.url, "b.txt").status_code,
            client.delete(one).status_code,
        )
        assert got == statuses, name
    assert incoming() == []


def test_another_workspaces_file_is_not_there(world: World) -> None:
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    made = upload(world.stranger.client, elsewhere).json()
    assert world.owner.client.get(f"{world.url}/files/{made['id']}").status_code == 404
    assert world.owner.client.get(f"{world.url}/files/{made['id']}/content").status_code == 404
    key = f"sha256:{hashlib.sha256(b'words').hexdigest()}"
    assert world.owner.client.get(f"{world.url}/blobs/{key}").status_code == 404


def test_too_large_is_refused_before_and_while_it_arrives(world: World, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 100_000
    assert upload(world.editor.client, world.url, content=b"x" * 400_000).status_code == 413
    response = upload(world.editor.client, world.url, content=b"x" * 120_000)
    assert (response.status_code, response.json()["code"]) == (413, "file.too_large")
    assert upload(world.editor.client, world.url, content=b"x" * 100_000).status_code == 201
    assert File.objects.count() == 1
    assert incoming() == []


@pytest.mark.parametrize("fields", [{}, {"other": "x"}])
def test_a_request_without_a_file_says_so(world: World, fields: dict[str, str]) -> None:
    response = world.editor.client.post(f"{world.url}/files", fields, format="multipart")
    assert (response.status_code, response.json()["code"]) == (400, "file.missing")


def test_two_files_at_once_are_refused_and_leave_nothing(world: World) -> None:
    second = SimpleUploadedFile("b.txt", b"2")
    assert upload(world.editor.client, world.url, second=second).status_code == 400
    assert not File.objects.exists()
    assert incoming() == []


def test_a_body_that_is_no_multipart_is_refused(world: World) -> None:
    response = world.editor.client.post(
        f"{world.url}/files", b"--x\r\ngarbage", content_type="multipart/form-data; boundary=y"
    )
    assert response.status_code == 400
    assert world.editor.client.post(f"{world.url}/files", {"a": 1}, format="json").status_code == 415


@pytest.mark.django_db(transaction=True)
def test_equal_content_is_kept_once_until_the_last_file_goes(world: World) -> None:
    first = upload(world.editor.client, world.url, "a.txt").json()
    second = upload(world.editor.client, world.url, "b.txt").json()
    path = disk.path_of(world.workspace.pk, hashlib.sha256(b"words").hexdigest())
    assert Blob.objects.count() == 1
    world.editor.client.delete(f"{world.url}/files/{first['id']}")
    assert path.exists()
    assert status_of(world.editor.client.get(f"{world.url}/files/{second['id']}/content")) == 200
    world.editor.client.delete(f"{world.url}/files/{second['id']}")
    assert not path.exists()
    assert not Blob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_value_of_a_run_outlives_a_file_with_the_same_content(world: World) -> None:
    key = blob_put(world.workspace.pk, b"words", "text/plain")
    made = upload(world.editor.client, world.url).json()
    world.editor.client.delete(f"{world.url}/files/{made['id']}")
    response = world.viewer.client.get(f"{world.url}/blobs/{key}")
    assert content_of(response) == b"words"


def test_lists_are_paged_and_filtered(world: World) -> None:
    for number in range(3):
        upload(world.editor.client, world.url, f"{number}.txt")
    page = world.viewer.client.get(f"{world.url}/files?limit=2").json()
    assert [item["name"] for item in page["items"]] == ["2.txt", "1.txt"]
    rest = world.viewer.client.get(f"{world.url}/files?limit=2&cursor={page['next_cursor']}").json()
    assert [item["name"] for item in rest["items"]] == ["0.txt"]
    assert world.viewer.client.get(f"{world.url}/files?kind=artifact").json()["items"] == []
    assert world.viewer.client.get(f"{world.url}/files?kind=x").status_code == 400
    assert world.viewer.client.get(f"{world.url}/files?run_id=x").status_code == 400


def test_uploads_and_deletions_are_in_the_audit_trail(world: World) -> None:
    made = upload(world.editor.client, world.url).json()
    world.editor.client.delete(f"{world.url}/files/{made['id']}")
    entries = AuditEntry.objects.filter(target_id=made["id"]).order_by("seq")
    assert [entry.action for entry in entries] == ["file.uploaded", "file.deleted"]


def test_a_refused_upload_leaves_nothing_on_disk(world: World) -> None:
    strict = APIClient(enforce_csrf_checks=True)
    strict.force_login(world.editor.person)
    refused = {"viewer": world.viewer.client, "stranger": world.stranger.client, "forged": strict}
    assert {name: upload(client, world.url).status_code for name, client in refused.items()} == {
        "viewer": 403,
        "stranger": 404,
        "forged": 403,
    }
    assert incoming() == []


@pytest.mark.parametrize("count", [2, 150])
def test_a_second_file_in_a_request_is_refused_and_none_is_kept(world: World, count: int) -> None:
    files = [SimpleUploadedFile(f"{number}.txt", b"words") for number in range(count)]
    response = world.editor.client.post(f"{world.url}/files", {"file": files}, format="multipart")
    assert (response.status_code, response.json()["code"]) == (400, "file.missing")
    assert incoming() == []
    assert not File.objects.exists()
