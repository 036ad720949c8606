"""Walls around a program, tried with programs that lean on them, with bubblewrap and without."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.kernel import SageError
from sage_studio.sandbox import launcher
from sage_studio.sandbox.isolation import Confinement, Isolation, find_isolation, python_paths

PYTHON = str(Path(sys.executable).resolve())
TRIES = """
import json, os, socket, sys, threading
port, outside = int(sys.argv[1]), sys.argv[2]
told = {}
def attempt(name, act):
    try:
        told[name] = act()
    except BaseException as error:
        told[name] = type(error).__name__
def forks():
    n = 0
    try:
        while n < 300:
            if os.fork() == 0:
                os.read(0, 1)
                os._exit(0)
            n += 1
    except OSError:
        pass
    return n
def fill():
    with open("/tmp/big", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
attempt("secret", lambda: open(outside).read())
attempt("passwd", lambda: open("/etc/passwd").read()[:1])
attempt("environ", lambda: sorted(os.environ))
attempt("write_here", lambda: open("/here", "w").write("x"))
attempt("scratch", lambda: open("/tmp/x", "w").write("x"))
attempt("fill", fill)
attempt("connect", lambda: socket.create_connection(("127.0.0.1", port), 5).send(b"x"))
attempt("kill_parent", lambda: os.kill(int(sys.argv[3]), 0))
attempt("memory", lambda: len(bytearray(1 << 30)))
attempt("root", os.getuid)
attempt("thread", lambda: threading.Thread(target=int).start())
attempt("forks", forks)
print(json.dumps(told), flush=True)
os._exit(0)
"""


def isolations() -> list[Isolation]:
    found = [find_isolation({}), find_isolation({"SAGE_SANDBOX": "filters"})]
    return found if found[0].level == "bubblewrap" else found[1:]


@pytest.fixture(params=isolations(), ids=lambda isolation: isolation.level)
def walls(request: pytest.FixtureRequest) -> Isolation:
    found: Isolation = request.param
    if found.level == "limits":
        pytest.skip("this kernel has neither bubblewrap nor Landlock")
    return found


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def told_by(walls: Isolation, confinement: Confinement, port: int, secret: Path) -> dict[str, Any]:
    arguments = [PYTHON, "-I", "-S", "-c", TRIES, str(port), str(secret), str(os.getpid())]
    tried = subprocess.run(
        walls.wrap(arguments, confinement),
        stdin=subprocess.PIPE,
        capture_output=True,
        env={"SECRET": "x"},
        timeout=60,
        check=True,
    )
    said: dict[str, Any] = json.loads(tried.stdout)
    return said


def test_a_program_reaches_nothing_outside(walls: Isolation, listener: int, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    said = told_by(walls, Confinement(scratch_mb=2), listener, secret)
    assert said["secret"] in {"FileNotFoundError", "PermissionError"}
    assert said["passwd"] in {"FileNotFoundError", "PermissionError"}
    assert "SECRET" not in said["environ"]
    assert said["write_here"] in {"OSError", "PermissionError"}
    assert said["fill"] in {"OSError", "PermissionError"}
    assert said["connect"] in {"ConnectionRefusedError", "PermissionError"}
    assert said["kill_parent"] == "PermissionError"
    assert said["memory"] == "MemoryError"
    assert said["forks"] == 0
    assert said["thread"] is None


def test_a_program_in_bubblewrap_has_a_small_scratch_folder_and_few_processes(
    listener: int, tmp_path: Path
) -> None:
    walls = isolations()[0]
    if walls.level != "bubblewrap":
        pytest.skip(f"no bubblewrap: {walls.reason}")
    said = told_by(walls, Confinement(scratch_mb=2, processes=40), listener, tmp_path / "none")
    assert said["scratch"] == 1
    assert said["root"] != 0
    assert said["forks"] < 40


def test_a_python_of_this_environment_starts_inside(walls: Isolation) -> None:
    arguments = [sys.executable, "-I", "-c", "import sage_studio.sdk, quickjs; print('imported')"]
    confinement = Confinement(read_only=python_paths(), memory_mb=1024)
    tried = subprocess.run(walls.wrap(arguments, confinement), capture_output=True, timeout=60, check=False)
    assert (tried.stdout, tried.stderr) == (b"imported\n", b"")


def test_a_program_is_never_started_half_confined() -> None:
    settings = {"limits": {"RLIMIT_NOFILE": "not a number"}}
    tried = subprocess.run(
        [PYTHON, "-I", "-S", launcher.__file__, json.dumps(settings), PYTHON, "-c", "print('ran')"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert tried.returncode != 0
    assert tried.stdout == b""


def test_programs_are_refused_without_bubblewrap_unless_an_administrator_allows_them() -> None:
    weak = find_isolation({"SAGE_SANDBOX": "filters"})
    with pytest.raises(SageError, match="full isolation"):
        weak.require_programs()
    find_isolation({"SAGE_SANDBOX": "filters", "SAGE_SANDBOX_ALLOW_WEAK": "true"}).require_programs()


def test_a_machine_without_bubblewrap_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "not installed" in find_isolation({}).reason
    with pytest.raises(SageError) as refused:
        find_isolation({"SAGE_SANDBOX": "bubblewrap"})
    assert "apt install bubblewrap" in refused.value.hint()


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(SageError, match="auto, bubblewrap, filters"):
        find_isolation({"SAGE_SANDBOX": "off"})
