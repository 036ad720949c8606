"""The passes of ``make test``, in the order that ends with pytest's own summary.

- ``frontend``: unit and route tests of the browser's side
- ``sqlite``: all Python tests on SQLite and in-process channels
- ``postgres``: those that touch the database, again on PostgreSQL and Valkey
- ``browser``: people in a real browser

``ray`` is not among them: it runs the executor for Ray on a real cluster and fetches 200 MB first.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from infra import services
from infra.setup import browser, frontend, node, ray
from infra.setup.console import ROOT, say

# What never opens a database says the same on either; it runs once.
DATABASE_FREE = (
    "architecture",
    "benchmarks",
    "cli",
    "egress",
    "engine",
    "executors",
    "expressions",
    "flow",
    "infra",
    "nodes",
)
# These start the whole product and use all cores by themselves, or measure.
ALONE = ("infra", "benchmarks")
PYTEST = (sys.executable, "-m", "pytest", "-q")
PROCESSES = min(os.cpu_count() or 1, 4)
# By file, because files share servers they started.
SIDE_BY_SIDE = ("-n", str(PROCESSES), "--dist", "loadfile") if PROCESSES > 1 else ()


def main(arguments: Sequence[str]) -> int:
    passes: dict[str, Callable[[Sequence[str]], int]] = {
        "frontend": front_end,
        "sqlite": on_sqlite,
        "postgres": on_postgres,
        "browser": in_browser,
        "ray": on_ray,
    }
    asked = [*passes][:-1] if "all" in arguments else arguments
    wanted = [name for name in passes if name in asked]
    extra = [part for part in arguments if part not in {*passes, "all"}]
    failed = []
    for name in wanted:
        started = time.monotonic()
        say(f"\n━━ {name}")
        if passes[name](extra) != 0:
            failed.append(name)
        say(f"━━ {name}: {time.monotonic() - started:.0f} s" if name != wanted[-1] else "")
    if failed:
        say(f"✗ failed: {', '.join(failed)}")
    return 1 if failed else 0


def front_end(extra: Sequence[str]) -> int:
    chosen = node.choose()
    command = chosen.npm_command("run", "--silent", "test")
    env = {**os.environ, **chosen.env()}
    return subprocess.run(command, cwd=frontend.FRONTEND, env=env, check=False).returncode


def on_sqlite(extra: Sequence[str]) -> int:
    ignored = [f"--ignore=tests/{name}" for name in (*ALONE, "browser")]
    code = _pytest(["tests", *ignored, *SIDE_BY_SIDE, *extra], {})
    alone = [f"tests/{name}" for name in ALONE]
    return _pytest([*alone, *extra], {}) or code


def on_postgres(extra: Sequence[str]) -> int:
    with ExitStack() as stack:
        brokers = [stack.enter_context(services.redis()) for _ in range(PROCESSES)]
        env = {
            "DATABASE_URL": stack.enter_context(services.postgres()),
            "REDIS_URL": brokers[0],
            "SAGE_TEST_REDIS_URLS": " ".join(brokers),
            # No flushes: nothing of a test database is worth keeping.
            "SAGE_ALLOW_UNSAFE_DATABASE": "true",
            "SAGE_SECRET_KEY": secrets.token_urlsafe(48),
            "SAGE_CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        ignored = [f"--ignore=tests/{name}" for name in (*DATABASE_FREE, "browser")]
        return _pytest(["tests", *ignored, *SIDE_BY_SIDE, *extra], env)


def in_browser(extra: Sequence[str]) -> int:
    found = browser.ensure()
    return _pytest(["tests/browser", *extra], {"SAGE_CHROMIUM": str(found)})


def on_ray(extra: Sequence[str]) -> int:
    tests = ["tests/executors/test_ray.py", "tests/executors/test_conformance.py", "-k", "ray"]
    return _pytest([*tests, *extra], {"PYTHONPATH": str(ray.ensure())})


def _pytest(arguments: Sequence[str], env: dict[str, str]) -> int:
    """Runs pytest with none of the person's own settings and a data folder that is thrown away."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SAGE_") and k not in SETTINGS}
    data_dir = tempfile.mkdtemp(prefix="sage-tests-")
    try:
        finished = subprocess.run(
            [*PYTEST, *arguments],
            cwd=ROOT,
            env={**inherited, **env, "SAGE_DATA_DIR": data_dir},
            stdin=subprocess.DEVNULL,
            check=False,
        )
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
    return finished.returncode


SETTINGS = {"DATABASE_URL", "REDIS_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
