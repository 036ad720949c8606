"""Uploads in pieces: they go on after any break, on disk and in a bucket, within the limits."""

from __future__ import annotations

import base64
import hashlib
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.audit.models import AuditEntry
from apps.files import store as stores
from apps.files.models import File, Upload, UploadPiece
from apps.files.services import uploading, uploads_forget
from tests.executions.zygote import Zygote
from tests.files.test_files_api import content_of, incoming
from tests.world import World

CONTENT = bytes(range(256)) * 30
TUS = {"Tus-Resumable": "1.0.0"}


def begin(client: APIClient, url: str, size: int = len(CONTENT), **facts: str) -> Any:
    facts = {"filename": "data.bin", **facts}
    metadata = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in facts.items())
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
    return client.post(f"{url}/uploads", headers=headers)


def send(client: APIClient, address: str, start: int, piece: bytes, **more: str) -> Any:
    headers = {**TUS, "Upload-Offset": str(start), **more}
    return client.patch(address, piece, content_type="application/offset+octet-stream", headers=headers)


def held(world: World) -> list[str]:
    """The uploads of which pieces lie in the store."""
    found = set(stores.store().pieces_held(float("inf")))
    return [str(upload) for workspace, upload in found if workspace == world.workspace.pk]


@pytest.fixture(params=["disk", "bucket"])
def kept(request: pytest.FixtureRequest) -> None:
    """On this machine's disk, and in a bucket."""
    if request.param == "bucket":
        request.getfixturevalue("in_bucket")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("kept")
def test_a_file_arrives_in_pieces_and_goes_on_where_it_stopped(world: World) -> None:
    client = world.editor.client
    begun = begin(client, world.url, mark="data.bin|7680|1")
    assert (begun.status_code, begun["Upload-Offset"]) == (201, "0")
    address = begun["Location"]
    assert send(client, address, 0, CONTENT[:3000])["Upload-Offset"] == "3000"
    listed = client.get(f"{world.url}/uploads").json()["items"]
    assert [(one["mark"], one["received_bytes"], one["file"]) for one in listed] == [
        ("data.bin|7680|1", 3000, None)
    ]
    asked = client.head(address)
    assert (asked["Upload-Offset"], asked["Upload-Length"]) == ("3000", str(len(CONTENT)))
    assert asked["Cache-Control"] == "no-store"
    assert send(client, address, 3000, CONTENT[3000:4000]).status_code == 204
    assert send(client, address, 4000, CONTENT[4000:]).status_code == 204
    file = client.get(address).json()["file"]
    assert (file["name"], file["size_bytes"], file["kind"]) == ("data.bin", len(CONTENT), "upload")
    assert content_of(client.get(f"{world.url}/files/{file['id']}/content")) == CONTENT
    assert File.objects.get().blob.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert AuditEntry.objects.filter(action="file.uploaded").count() == 1
    assert not UploadPiece.objects.exists()
    assert not held(world)
    assert client.get(f"{world.url}/uploads").json()["items"] == []
    assert send(client, address, 4000, CONTENT[4000:]).status_code == 409
    assert not incoming()


def test_a_piece_that_does_not_fit_is_refused_and_changes_nothing(world: World) -> None:
    client = world.editor.client
    address = begin(client, world.url)["Location"]
    send(client, address, 0, CONTENT[:100])
    refused = send(client, address, 50, CONTENT[50:100])
    assert (refused.status_code, refused.json()["code"]) == (409, "file.upload_offset")
    assert send(client, address, 100, CONTENT + b"more").json()["code"] == "file.upload_beyond"
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    broken = send(client, address, 100, CONTENT[100:], **{"Upload-Checksum": f"sha256 {wrong}"})
    assert (broken.status_code, broken.json()["code"]) == (460, "file.upload_checksum")
    assert send(client, address, 100, b"", **{"Upload-Offset": "x"}).json()["code"] == "file.upload_header"
    for facts in ("filename é", "filename /w==", "mark %"):
        headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": facts}
        assert client.post(f"{world.url}/uploads", headers=headers).json()["code"] == "file.upload_header"
    assert begin(client, world.url, mark="a\0b").json()["mark"] == "ab"
    old = client.patch(address, headers={"Tus-Resumable": "0.2"})
    assert (old.status_code, old["Tus-Version"]) == (412, "1.0.0")
    assert client.head(address)["Upload-Offset"] == "100"
    right = base64.b64encode(hashlib.sha256(CONTENT[100:]).digest()).decode()
    assert (
        send(client, address, 100, CONTENT[100:], **{"Upload-Checksum": f"sha256 {right}"}).status_code == 204
    )
    assert not incoming()


def test_an_upload_is_its_senders_alone(world: World) -> None:
    address = begin(world.editor.client, world.url)["Location"]
    for name, client in world.everyone().items():
        if name != "editor":
            assert client.head(address).status_code in (401, 403, 404), name
            assert send(client, address, 0, CONTENT).status_code in (401, 403, 404), name
            assert client.delete(address, headers=TUS).status_code in (401, 403, 404), name
    assert begin(world.viewer.client, world.url).status_code == 403
    assert world.owner.client.get(f"{world.url}/uploads").json()["items"] == []
    assert Upload.objects.get().received_bytes == 0
    options = world.editor.client.options(f"{world.url}/uploads")
    assert (options.status_code, options["Tus-Version"]) == (204, "1.0.0")


def test_limits_hold_before_anything_is_sent(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.editor.client
    settings.MAX_UPLOAD_BYTES = 2 << 20
    assert begin(client, world.url, (2 << 20) + 1).json()["code"] == "file.too_large"
    settings.WORKSPACE_QUOTA_BYTES = 1 << 20
    assert begin(client, world.url, (1 << 20) + 1).json()["code"] == "file.quota"
    first, second = (begin(client, world.url, 1 << 20)["Location"] for _ in range(2))
    send(client, first, 0, b"x" * 700_000)
    refused = send(client, second, 0, b"x" * 700_000)  # what is on its way takes room as well
    assert (refused.status_code, refused.json()["code"]) == (413, "file.quota")
    monkeypatch.setattr(uploading, "MAX_UNFINISHED", 2)
    assert begin(client, world.url, 1).json()["code"] == "file.uploads_many"
    monkeypatch.setattr(uploading, "MAX_PIECES", 1)
    assert send(client, first, 700_000, b"x").json()["code"] == "file.upload_pieces"
    monkeypatch.setattr(uploading, "MAX_UNFINISHED", 9)
    assert begin(client, world.url, 0).json()["file"]["size_bytes"] == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("kept")
def test_what_is_discarded_or_left_for_a_day_is_gone(world: World) -> None:
    client = world.editor.client
    given_up, left, going = (begin(client, world.url)["Location"] for _ in range(3))
    for address in (given_up, left, going):
        send(client, address, 0, CONTENT[:10])
    assert client.delete(given_up, headers=TUS).status_code == 204
    assert client.head(given_up).status_code == 404
    Upload.objects.filter(pk=left.rsplit("/", 1)[-1]).update(updated_at=timezone.now() - timedelta(hours=25))
    assert uploads_forget() == 1
    assert held(world) == [going.rsplit("/", 1)[-1]]
    assert send(client, going, 10, CONTENT[10:]).status_code == 204


@pytest.fixture(scope="module")
def zygote(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    one = Zygote(tmp_path_factory.mktemp("zygote") / "log")
    yield one
    one.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_process_killed_at_any_point_leaves_an_upload_that_goes_on(world: World, zygote: Zygote) -> None:
    client, words = world.editor.client, "a piece\n" * 100
    for point, is_there in (
        ("upload.piece", False),
        ("blob.stored", False),
        ("upload.finish", False),
        ("upload.finished", True),
    ):
        address = begin(client, world.url, 2 * len(words), filename=f"{point}.txt")["Location"]
        last = point != "upload.piece"
        if last:
            send(client, address, 0, words.encode())
        start = len(words) if last else 0
        arguments = {"upload_id": address.rsplit("/", 1)[-1], "start": str(start), "content": words}
        killed = zygote.run(f"{point}:kill@1", "send_piece", **arguments)
        assert killed == -signal.SIGKILL, zygote.said()
        received = int(client.head(address)["Upload-Offset"])
        assert received == start + (len(words) if is_there else 0), point
        for at in range(received, 2 * len(words), len(words)):
            assert send(client, address, at, words.encode()).status_code == 204, point
        file = client.get(address).json()["file"]
        assert content_of(client.get(f"{world.url}/files/{file['id']}/content")) == 2 * words.encode(), point
    uploads_forget(now=timezone.now() + timedelta(days=2))
    assert not held(world)
    assert File.objects.count() == 4
