"""Content on disk, values of runs, files of runs, and references from flows."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from apps.files import disk, selectors, services
from apps.files.models import Blob, File
from sage_studio.kernel import SageError
from sage_studio.sdk import FileRef
from tests.world import World


def ref(value: str) -> FileRef:
    return FileRef(name="x", mime="", size_bytes=0, ref=value)


def artifact(world: World, run_id: uuid.UUID, content: bytes = b"result") -> File:
    with services.Draft() as draft:
        draft.write(content)
        return services.artifact_write(
            world.workspace.pk, run_id=run_id, name="r.csv", mime="text/csv", draft=draft
        )


def test_a_value_is_read_back_by_its_key_and_only_in_its_workspace(world: World) -> None:
    key = services.blob_put(world.workspace.pk, b"value", "application/json")
    assert services.blob_put(world.workspace.pk, b"value") == key
    assert selectors.blob_get(world.workspace.pk, key) == b"value"
    assert Blob.objects.count() == 1
    for workspace_id, wrong in ((world.elsewhere.pk, key), (world.workspace.pk, "sha256:../../etc/passwd")):
        with pytest.raises(SageError) as caught:
            selectors.blob_get(workspace_id, wrong)
        assert caught.value.code.code == "blob.gone"


def test_a_file_written_twice_by_a_run_is_one_file(world: World) -> None:
    run_id = uuid.uuid4()
    assert artifact(world, run_id) == artifact(world, run_id)
    assert artifact(world, uuid.uuid4()) != artifact(world, run_id)
    assert File.objects.filter(run_id=run_id).count() == 1


def test_flows_read_files_by_reference_and_never_paths(world: World, tmp_path: Any) -> None:
    file = artifact(world, uuid.uuid4())
    assert selectors.file_read(world.workspace.pk, ref(file.ref)) == b"result"
    assert b"".join(selectors.file_stream(world.workspace.pk, ref(file.ref), 2)) == b"result"
    assert selectors.file_read(world.workspace.pk, ref("sample:people.csv")).startswith(b"name,")
    secret = tmp_path / "secret"
    secret.write_text("x")
    for wrong in (f"path:{secret}", str(secret), f"file:{uuid.uuid4()}", "file:../x", f"{file.pk}", ""):
        with pytest.raises(SageError) as caught:
            selectors.file_read(world.workspace.pk, ref(wrong))
        assert caught.value.code.code == "file.gone"
    with pytest.raises(SageError):
        selectors.file_read(world.elsewhere.pk, ref(file.ref))


def test_what_is_not_placed_leaves_nothing(world: World) -> None:
    with services.Draft() as draft:
        draft.write(b"half")
    assert not disk.path_of(world.workspace.pk, draft.sha256).exists()


def test_a_deleted_workspace_takes_its_content_along(world: World) -> None:
    key = services.blob_put(world.workspace.pk, b"value")
    path = disk.path_of(world.workspace.pk, key.removeprefix("sha256:"))
    assert path.exists()
    for _ in range(2):
        services.workspace_content_remove({"workspace_id": str(world.workspace.pk)})
    assert not path.exists()


def test_values_a_flow_keeps_are_its_own(world: World) -> None:
    flow, other = uuid.uuid4(), uuid.uuid4()
    services.kept_value_set(world.workspace.pk, flow, "count", 1)
    services.kept_value_set(world.workspace.pk, flow, "count", {"n": 2})
    assert services.kept_value_get(world.workspace.pk, flow, "count") == {"n": 2}
    assert services.kept_value_get(world.workspace.pk, other, "count", 0) == 0


def test_a_new_folders_name_is_on_disk_before_what_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(disk, "_sync_folder", synced.append)
    disk._make_folder(tmp_path / "a" / "b")
    disk._make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]


def test_drafts_of_processes_that_died_are_removed_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    with services.Draft() as draft:
        folder = draft.path.parent
        left, fresh = folder / "left", folder / "fresh"
        left.write_bytes(b"half")
        fresh.write_bytes(b"half")
        long_ago = time.time() - disk.DRAFT_LIVES_S - 1
        os.utime(left, (long_ago, long_ago))
        monkeypatch.setattr(disk, "SWEEP_EVERY_S", 0)

        with services.Draft():
            assert not left.exists()
            assert fresh.exists()
            assert draft.path.exists()
    fresh.unlink()
