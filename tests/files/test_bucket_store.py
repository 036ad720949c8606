"""Content in an S3-compatible bucket (moto's server): the same promises as on disk."""

from __future__ import annotations

import hashlib
import time
import uuid

import pytest

from apps.files import bucket
from apps.files.models import Blob
from apps.files.services import Draft, artifact_write, blob_put, blobs_collect
from apps.files.store import DiskStore, store
from tests.files.test_files_api import content_of, upload
from tests.world import World


@pytest.mark.usefixtures("in_bucket")
def test_an_upload_comes_back_and_lies_nowhere_on_disk(world: World) -> None:
    content = bytes(range(256)) * 1000
    made = upload(world.editor.client, world.url, "data.bin", content).json()
    digest = hashlib.sha256(content).hexdigest()
    assert store().exists(world.workspace.pk, digest)
    assert not DiskStore().exists(world.workspace.pk, digest)
    assert content_of(world.viewer.client.get(f"{world.url}/files/{made['id']}/content")) == content
    assert world.viewer.client.get(f"{world.url}/files/{made['id']}/preview").json()["kind"] == "none"


@pytest.mark.usefixtures("in_bucket")
def test_large_content_goes_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "PART_BYTES", 5 << 20)
    content = b"0123456789abcdef" * (12 << 16)
    with Draft() as draft:
        draft.write(content)
        file = artifact_write(world.workspace.pk, run_id=uuid.uuid4(), name="a", mime="x/y", draft=draft)
    pieces = list(store().stream(world.workspace.pk, file.blob.sha256, 1 << 20))
    assert b"".join(pieces) == content
    assert len(pieces) > 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("in_bucket")
def test_what_nobody_names_is_swept_from_the_bucket(world: World) -> None:
    key = blob_put(world.workspace.pk, b"a value")
    made = upload(world.editor.client, world.url).json()
    world.editor.client.delete(f"{world.url}/files/{made['id']}")
    assert not store().exists(world.workspace.pk, hashlib.sha256(b"words").hexdigest())
    assert store().read(world.workspace.pk, key.removeprefix("sha256:")) == b"a value"
    Blob.objects.update(touched_at="2020-01-01T00:00:00Z")
    assert blobs_collect() == 1
    assert list(store().strays(time.time() + 60)) == []


@pytest.mark.usefixtures("in_bucket")
def test_a_workspace_that_is_gone_leaves_nothing(world: World) -> None:
    blob_put(world.workspace.pk, b"one")
    blob_put(world.elsewhere.pk, b"two")
    store().remove_workspace(world.workspace.pk)
    assert [place for place, _digest in store().strays(time.time() + 60)] == [world.elsewhere.pk]
    with pytest.raises(FileNotFoundError):
        store().read(world.workspace.pk, "0" * 64)
