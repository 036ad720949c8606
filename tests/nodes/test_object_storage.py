"""The object storage nodes against an S3-compatible server (moto's), through the guarded proxy."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.conftest import ENVIRON
from tests.nodes.running import failure_of, run_node
from tests.nodes.test_compress import content_of


def environ(s3_server: str, **more: str) -> dict[str, str]:
    bucket = f"b{uuid.uuid4().hex}"
    urllib.request.urlopen(urllib.request.Request(f"{s3_server}/{bucket}", method="PUT")).close()
    fields = {"endpoint": s3_server, "bucket": bucket, "access_key_id": "k", "secret_access_key": "s"}
    return {**more, "SAGE_CREDENTIAL_STORE": json.dumps({"kind": "s3", **fields})}


@pytest.fixture
def store(s3_server: str, tmp_path: Path) -> Iterator[LocalHost]:
    """A host with a credential for a bucket that is new."""
    with LocalHost(folder=tmp_path / "out", environ=environ(s3_server, **ENVIRON)) as made:
        yield made


async def write(host: LocalHost, key: str, value: Any) -> Any:
    config = {"credential": "store", "key": key}
    return await run_node("object_storage_write", host, config=config, inputs={"value": value})


async def read(host: LocalHost, key: str, **config: Any) -> Any:
    return await run_node("object_storage_read", host, config={"credential": "store", "key": key, **config})


async def test_what_is_written_is_listed_and_read(store: LocalHost) -> None:
    for key, value in (("a/one.json", {"n": 1}), ("a/two.txt", "两"), ("b/three.txt", "3")):
        made = await write(store, key, value)
        assert made["value"] == value
        assert made["etag"]
    config = {"credential": "store", "prefix": "a/", "ending": ".txt"}
    found = (await run_node("object_storage_list", store, config=config))["objects"]
    assert [(entry["key"], entry["size_bytes"]) for entry in found] == [("a/two.txt", 3)]
    assert (await read(store, "a/two.txt", **{"as": "text"}))["text"] == "两"
    file = (await read(store, "a/one.json"))["file"]
    assert (file["name"], file["mime"]) == ("one.json", "application/json")
    assert content_of(file) == b'{"n": 1}'


async def test_a_large_file_goes_in_parts_and_comes_back(store: LocalHost, tmp_path: Path) -> None:
    content = b"0123456789abcdef" * (20 << 16)
    (tmp_path / "big.bin").write_bytes(content)
    file = {"name": "big.bin", "mime": "", "size_bytes": len(content), "ref": f"path:{tmp_path / 'big.bin'}"}
    made = await write(store, "folder/", file)
    assert (made["key"], made["size_bytes"]) == ("folder/big.bin", len(content))
    assert made["etag"].endswith("-3")  # so many parts
    back = (await read(store, "folder/big.bin"))["file"]
    assert content_of(back) == content


async def test_what_is_not_there_or_too_large_is_said(store: LocalHost) -> None:
    await write(store, "a", "x" * (3 << 20))
    for config, code in (
        ({"key": "b"}, "storage.no_object"),
        ({"key": "a", "limit_mb": 1}, "storage.too_large"),
        ({"key": "../a"}, "storage.bad_key"),
        ({"key": "a", "bucket": "no-such-bucket"}, "storage.no_object"),
    ):
        problem = await failure_of("object_storage_read", store, config={"credential": "store", **config})
        assert problem["code"] == code, problem


async def test_an_address_that_may_not_be_reached_is_refused(s3_server: str, tmp_path: Path) -> None:
    with LocalHost(folder=tmp_path, environ=environ(s3_server)) as guarded:
        problem = await failure_of("object_storage_list", guarded, config={"credential": "store"})
    assert problem["code"].startswith("http.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is open to flows as ``shared``, with a link out of it and one within."""
    root = tmp_path / "shared"
    (root / "a").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not for flows")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to(tmp_path)
    (root / "a" / "within.txt").symlink_to(root / "a.txt")
    monkeypatch.setenv("SAGE_ALLOW_FOLDERS", f"shared={root}, other={tmp_path / 'none'}")
    return root


async def in_folder(host: LocalHost, node: str, value: Any = None, **config: Any) -> Any:
    settings = {"place": "folder", "folder": "shared", **config}
    inputs = None if value is None else {"value": value}
    return await run_node(f"object_storage_{node}", host, config=settings, inputs=inputs)


async def test_a_folder_of_the_machine_is_a_bucket_too(host: LocalHost, folder: Path) -> None:
    for key in ("b/deep/x.csv", "a.txt", "b/y.txt", "b-z.txt"):
        made = await in_folder(host, "write", f"of {key}", key=key)
        assert made["etag"]
    again = await in_folder(host, "write", "changed", key="a.txt")
    assert again["size_bytes"] == 7
    found = (await in_folder(host, "list"))["objects"]
    assert [entry["key"] for entry in found] == [
        "a.txt",
        "a/within.txt",
        "b-z.txt",
        "b/deep/x.csv",
        "b/y.txt",
    ]
    assert [e["key"] for e in (await in_folder(host, "list", prefix="b", ending=".csv"))["objects"]] == [
        "b/deep/x.csv"
    ]
    assert (await in_folder(host, "read", key="a/within.txt", **{"as": "text"}))["text"] == "changed"
    file = (await in_folder(host, "read", key="b/y.txt"))["file"]
    assert content_of(file) == b"of b/y.txt"
    assert len(list(_files(folder))) == 6


def _files(folder: Path) -> Iterator[Path]:
    """Links that lead to files included; nothing half-written is left."""
    return (path for path in folder.rglob("*") if path.is_file())


async def test_a_folder_is_not_left(host: LocalHost, folder: Path) -> None:
    for config, code in (
        ({"key": "../secret.txt"}, "storage.bad_key"),
        ({"key": "/etc/passwd"}, "storage.bad_key"),
        ({"key": "out.txt"}, "storage.outside"),
        ({"key": "up/secret.txt"}, "storage.outside"),
        ({"key": "a.txt", "folder": str(folder)}, "storage.no_folder"),
        ({"key": "a.txt", "folder": ""}, "storage.no_folder"),
        ({"key": "none.txt"}, "storage.no_object"),
        ({"key": "a"}, "storage.no_object"),
        ({"key": "a.txt", "place": "service"}, "server.no_credential"),
    ):
        settings = {"place": "folder", "folder": "shared", **config}
        wrong = await failure_of("object_storage_read", host, config=settings)
        assert wrong["code"] == code, (config, wrong)
        if code != "storage.no_object":
            wrong = await failure_of("object_storage_write", host, config=settings, inputs={"value": "x"})
            assert wrong["code"] == code, (config, wrong)
    assert content_of({"ref": f"path:{folder.parent / 'secret.txt'}"}) == b"not for flows"
