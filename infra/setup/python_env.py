"""The virtual environment: uv, the hashed lock, and our own two packages, editable.

The lock is three files, so that ``make run`` need not fetch the developers' tools: ``requirements.txt``
(what the product needs), ``infra/locks/dev.txt`` and ``infra/locks/node.txt``. Once the developers'
tools have been installed they stay.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from infra.setup import stamps
from infra.setup.console import ROOT, SetupError, run, step

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOCKS = ROOT / "infra" / "locks"
RUNTIME_LOCK = ROOT / "requirements.txt"
DEV_LOCK = LOCKS / "dev.txt"
NODE_LOCK = LOCKS / "node.txt"
UV_LOCK = LOCKS / "uv.txt"
RAY_LOCK = LOCKS / "ray.txt"
STAMP = VENV / "sage-setup.json"
OLDEST = (3, 11)

NETWORK_HINT = (
    "If the network is slow or closed, check that pip can reach your package index, then run it again."
)


def ensure(*, dev: bool, bundled_node: bool) -> None:
    """Brings ``.venv`` in line with the lock.

    ``dev`` adds the developers' tools, ``bundled_node`` the Node that comes as a Python package.
    """
    _check_python()
    facts = stamps.read(STAMP)
    dev = dev or facts.get("dev") == "yes"
    bundled_node = bundled_node or facts.get("node") == "yes"
    locks = [RUNTIME_LOCK, *([DEV_LOCK] if dev else []), *([NODE_LOCK] if bundled_node else [])]
    wanted = stamps.digest(str(ROOT), stamps.files_digest([*locks, UV_LOCK, *_projects()], root=ROOT))
    if facts.get("wanted") == wanted and _starts():
        return
    if not _starts() or facts.get("root", str(ROOT)) != str(ROOT):
        _create()
    _install_uv()
    with step("Installing Python packages" + (" and the developers' tools" if dev else "")):
        # Compiled now, because a person may have switched the writing of bytecode off: every start of a
        # process would then compile some 2,000 modules anew, which takes three seconds.
        run(
            [UV, "pip", "sync", "--require-hashes", "--compile-bytecode", "--python", PYTHON, *locks],
            what="Installing Python packages",
            hint=NETWORK_HINT,
            env=uv_env(),
        )
        # Our own packages last, because a sync removes what the lock does not name.
        editable = ["-e", str(ROOT / "apps" / "engine"), "-e", str(ROOT)]
        run(
            [UV, "pip", "install", "--python", PYTHON, "--no-deps", "--no-build-isolation", *editable],
            what="Installing SAGE Studio itself",
            env=uv_env(),
        )
    stamps.write(STAMP, wanted=wanted, root=str(ROOT), dev=_yes(dev), node=_yes(bundled_node))


def _projects() -> list[Path]:
    return [ROOT / "pyproject.toml", ROOT / "apps" / "engine" / "pyproject.toml"]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def uv_env() -> dict[str, str]:
    # Never a Python that uv fetches by itself: the person's own is in use already.
    return {"UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": str(VENV)}


def _check_python() -> None:
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise SetupError(
            f"SAGE Studio needs Python 3.11 or newer; this is {found} ({sys.executable}). "
            "Install a newer one, or name it: make run PYTHON=/path/to/python3.12"
        )


def _starts() -> bool:
    """Whether the environment's interpreter runs at all (a moved clone or a removed Python breaks it)."""
    if not PYTHON.exists():
        return False
    probe = [str(PYTHON), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _create() -> None:
    with step("Creating the virtual environment in .venv"):
        try:
            run([sys.executable, "-m", "venv", "--clear", VENV], what="Creating .venv")
        except SetupError as error:
            # Debian ships Python without ensurepip unless python3-venv is there; the system's pip can
            # still install into an environment that has none of its own.
            run([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV], what="Creating .venv")
            if _system_pip() is None:
                raise SetupError(
                    f"{error}\nThis Python has neither the venv module's pip nor a pip of its own. "
                    "On Debian or Ubuntu: apt-get install python3-venv"
                ) from error


def _system_pip() -> list[str] | None:
    command = [sys.executable, "-m", "pip"]
    found = subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0
    return command if found else None


def _install_uv() -> None:
    if UV.exists() and _uv_version() == _uv_pin():
        return
    own_pip = (VENV / "bin" / "pip").exists()
    pip = [str(PYTHON), "-m", "pip"] if own_pip else [*(_system_pip() or []), "--python", str(PYTHON)]
    with step("Installing uv, the package installer"):
        run(
            [*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", UV_LOCK],
            what="Installing uv",
            hint=NETWORK_HINT,
            env={"PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore", "PATH": os.environ.get("PATH", "")},
        )


def _uv_pin() -> str:
    found = re.search(r"^uv==(\S+)", UV_LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise SetupError(f"{UV_LOCK.relative_to(ROOT)} names no version of uv; this clone is damaged.")
    return found[1]


def _uv_version() -> str | None:
    shown = subprocess.run([UV, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return shown[1] if len(shown) > 1 else None
