"""The passes of ``make test``, in the order that ends with pytest's own summary.

- ``frontend``: unit and route tests of the browser's side
- ``sqlite``: all Python tests on SQLite and in-process channels
- ``postgres``: those that touch the database, again on PostgreSQL and Valkey
- ``browser``: people in a real browser

``ray`` and ``models`` are not among them: the one runs the executor for Ray on a real cluster and fetches
200 MB first, the other AI nodes with a real ChromaDB, MiniLM and SAGE and fetches 800 MB.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra import services
from infra.setup import browser, frontend, models, node, ray
from infra.setup.console import ROOT, say
from infra.testing.databases import empty_postgres, empty_sqlite
from infra.testing.reports import Part, conclude

# What never opens a database says the same on either; it runs once.
DATABASE_FREE = (
    "architecture",
    "assistant/test_rules.py",
    "benchmarks",
    "catalogue/test_hostile_plugins.py",
    "cli",
    "collaboration/test_rooms.py",
    "collaboration/test_wire.py",
    "common/test_parsers.py",
    "common/test_proxies.py",
    "credentials/test_masks.py",
    "debugging/test_flows.py",
    "debugging/test_gate.py",
    "debugging/test_model.py",
    "debugging/test_partial.py",
    "debugging/test_terminal.py",
    "egress",
    "engine",
    "executors",
    "expressions",
    "flow",
    "infra",
    "nodes",
    "optimise",
    "plugins",
    "project",
    "sandbox",
    "streams",
)
# These start the whole product: only beside one another, because they wait for it with a person's patience.
PRODUCT = "infra"
MEASURED = "benchmarks"
PYTEST = (sys.executable, "-m", "pytest", "-q")
PROCESSES = min(os.cpu_count() or 1, 4)
# By file, because files share servers they started.
SIDE_BY_SIDE = ("-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder") if PROCESSES > 1 else ()
SETTINGS = {"DATABASE_URL", "REDIS_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"}
# Every program a test starts would translate all of the product anew.
SLOW_STARTS = "PYTHONDONTWRITEBYTECODE"


def main(arguments: Sequence[str]) -> int:
    passes: dict[str, Callable[[Run], None]] = {
        "frontend": front_end,
        "sqlite": on_sqlite,
        "postgres": on_postgres,
        "browser": in_browser,
        "ray": on_ray,
        "models": on_models,
    }
    asked = [*passes][:-2] if "all" in arguments else arguments
    with temporary_folder() as folder:
        run = Run(folder, [part for part in arguments if part not in {*passes, "all"}])
        for name in (name for name in passes if name in asked):
            say(f"\n━━ {name}")
            passes[name](run)
        conclude(run.parts)
        return 1 if any(part.code for part in run.parts) else 0


@dataclass
class Run:
    """``extra`` is handed to pytest; ``parts`` are the programs that have run."""

    folder: Path
    extra: Sequence[str]
    parts: list[Part] = field(default_factory=list)

    def program(
        self, name: str, command: Sequence[str], report: Path, env: Mapping[str, str], cwd: Path = ROOT
    ) -> None:
        started = time.monotonic()
        finished = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, check=False)
        self.parts.append(Part(name, finished.returncode, time.monotonic() - started, report))

    def pytest(self, name: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        """With none of the person's own settings and a data folder that is thrown away."""
        report = self.folder / f"{name}.xml"
        with temporary_folder() as data_dir:
            command = [*PYTEST, f"--junit-xml={report}", *arguments, *self.extra]
            self.program(name, command, report, {**inherited(), **env, "SAGE_DATA_DIR": str(data_dir)})


def front_end(run: Run) -> None:
    chosen = node.choose()
    report = run.folder / "frontend.xml"
    reporters = ("--reporter=default", "--reporter=junit", f"--outputFile.junit={report}")
    command = chosen.npm_command("run", "--silent", "test", "--", *reporters)
    run.program("frontend", command, report, {**os.environ, **chosen.env()}, frontend.FRONTEND)


def on_sqlite(run: Run) -> None:
    ignored = [f"--ignore=tests/{name}" for name in (PRODUCT, MEASURED, "browser")]
    with temporary_folder() as folder:
        env = empty_sqlite(inherited(), folder)
        run.pytest("sqlite", ["tests", *ignored, *SIDE_BY_SIDE], env)
    run.pytest(PRODUCT, [f"tests/{PRODUCT}", *SIDE_BY_SIDE], {})
    run.pytest(MEASURED, [f"tests/{MEASURED}"], {})


def on_postgres(run: Run) -> None:
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
        folder = stack.enter_context(temporary_folder())
        env |= empty_postgres({**inherited(), **env}, folder)
        ignored = [f"--ignore=tests/{name}" for name in (*DATABASE_FREE, "browser")]
        run.pytest("postgres", ["tests", *ignored, *SIDE_BY_SIDE], env)


def in_browser(run: Run) -> None:
    run.pytest("browser", ["tests/browser"], {"SAGE_CHROMIUM": str(browser.ensure())})


def on_ray(run: Run) -> None:
    tests = ["tests/executors/test_ray.py", "tests/executors/test_conformance.py", "-k", "ray"]
    run.pytest("ray", tests, {"PYTHONPATH": str(ray.ensure())})


def on_models(run: Run) -> None:
    names = ("test_vector_stores", "test_optional_models", "test_optional_servers")
    tests = [f"tests/nodes/{name}.py" for name in names]
    run.pytest("models", tests, {"SAGE_TEST_MODELS": str(models.ensure())})


def inherited() -> dict[str, str]:
    own = {name for name in os.environ if name.startswith("SAGE_")} | SETTINGS | {SLOW_STARTS}
    return {name: value for name, value in os.environ.items() if name not in own}


@contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sage-tests-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
