"""A Ray cluster of this machine for one module of tests."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# A process reads its cluster's token once, also for the clusters it starts later.
_TOKEN = secrets.token_hex(32)
START_TIMEOUT_S = 180


@contextmanager
def ray_home() -> Iterator[dict[str, object]]:
    """Settings of a cluster whose files are in a folder of its own; it is shut down at the end."""
    import ray  # type: ignore[import-not-found,unused-ignore]

    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        os.environ |= {"HOME": folder, "RAY_AUTH_TOKEN": _TOKEN, "RAY_USAGE_STATS_ENABLED": "0"}
        yield {
            "num_cpus": 2,
            "include_dashboard": False,
            "_temp_dir": folder,
            "object_store_memory": 100 << 20,
        }
        ray.shutdown()
