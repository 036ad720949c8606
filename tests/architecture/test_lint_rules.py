"""The bans of the house style are real: ruff refuses planted violations, and only where it should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.setup.console import ROOT

CROSSINGS = [
    "from asgiref.sync import async_to_sync\n",
    "from asgiref.sync import sync_to_async\n",
    "from channels.db import database_sync_to_async\n",
    "import asyncio\n\nasyncio.run(print)\n",
    "import asyncio\n\nasyncio.create_task(print)\n",
]


def ruff(source: str, *, as_file: str) -> str:
    """What ruff says about ``source`` if it stood in ``as_file``."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "ruff"), "check", "--no-cache", "--stdin-filename", as_file, "-"],
        input=source,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("source", CROSSINGS)
def test_crossing_between_async_and_sync_is_refused_in_services(source: str) -> None:
    assert "TID251" in ruff(source, as_file="apps/flows/services.py")


@pytest.mark.parametrize("source", CROSSINGS[:3])
@pytest.mark.parametrize("module", ["consumers", "adapters", "tasks"])
def test_crossing_is_allowed_where_the_two_worlds_meet(source: str, module: str) -> None:
    assert "TID251" not in ruff(source, as_file=f"apps/flows/{module}.py")


def test_a_second_copy_of_the_engine_cannot_be_imported() -> None:
    assert "TID251" in ruff("import apps.engine.sage_studio\n", as_file="apps/flows/services.py")


def test_an_import_hidden_in_a_function_is_refused() -> None:
    hidden = "def late() -> None:\n    import json\n\n    json.dumps({})\n"

    assert "PLC0415" in ruff(hidden, as_file="apps/flows/services.py")
    assert "PLC0415" not in ruff(hidden, as_file="apps/flows/apps.py")


def test_a_broad_except_is_refused() -> None:
    source = "try:\n    print()\nexcept Exception:\n    raise_later = True\n"

    assert "BLE001" in ruff(source, as_file="apps/flows/services.py")


def test_a_tangled_function_is_refused() -> None:
    branches = "".join(f"    if value == {n}:\n        return {n}\n" for n in range(1, 12))
    source = f"def tangled(value: int) -> int:\n{branches}    return 0\n"

    assert "C901" in ruff(source, as_file="apps/flows/services.py")
