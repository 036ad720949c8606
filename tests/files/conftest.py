"""A bucket in place of the disk."""

from __future__ import annotations

import urllib.request
import uuid
from typing import Any

import pytest


@pytest.fixture
def in_bucket(s3_server: str, settings: Any) -> None:
    """Content goes to a bucket that is new."""
    name = f"b{uuid.uuid4().hex}"
    urllib.request.urlopen(urllib.request.Request(f"{s3_server}/{name}", method="PUT")).close()
    settings.BLOB_URL = f"s3://key:secret@{name}/studio?endpoint={s3_server}"
