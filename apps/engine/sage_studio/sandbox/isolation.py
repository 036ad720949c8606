"""Walls around a program: bubblewrap where it works, the kernel's own filters where it does not.

``isolation()`` finds out once per process what this machine offers, by trying it, and says so
(``Isolation.level``):

- ``bubblewrap``: own namespaces for processes, network, files and the rest. The program sees the folders
  it is given, read-only, a small ``/tmp``, and nothing else; it runs as nobody even when we are root.
- ``filters``: no namespaces. Landlock takes the files away and a seccomp filter the network and other
  processes; memory, time and counts are bounded as above. Good enough for an interpreter that has no way
  to any of this anyway, not for a program nobody has vouched for.
- ``limits``: bounds on memory, time and counts alone (no Linux, or an old kernel).

``Isolation.wrap`` turns an argument vector into one that runs inside. Whoever starts it gives it pipes,
``start_new_session=True`` and nothing else to inherit, and keeps the clock: what does not end in time is
killed from outside together with all it started (``end_group``).
"""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sage_studio.kernel import SageError
from sage_studio.sandbox import launcher
from sage_studio.sandbox.errors import BAD_SETTING, WEAK

logger = logging.getLogger("sage_studio.sandbox")

Level = Literal["bubblewrap", "filters", "limits"]
MODE_SETTING, WEAK_SETTING = "SAGE_SANDBOX", "SAGE_SANDBOX_ALLOW_WEAK"
"""``auto`` (what works), ``bubblewrap`` (nothing less) or ``filters``; and whether programs nobody has
vouched for may run without bubblewrap."""

_LAUNCHER = Path(launcher.__file__)
_SYSTEM_FOLDERS = ("/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/local/lib")
_SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/localtime", "/etc/alternatives")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_SCRATCH = "/tmp"  # noqa: S108 - the program's own, empty at first and gone with it
_ENVIRON = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONUTF8": "1", "HOME": _SCRATCH, "TMPDIR": _SCRATCH,
}  # fmt: skip
_THREADS = 32
"""What a program may have in threads however few processes it is given."""
_PROBE_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What one program may have.

    ``memory_mb`` bounds the address space of each of its processes; ``processes`` counts threads too, and
    with 1 there are threads but no further process. ``cpu_s`` is processor time per process, or None where
    whoever runs it keeps that clock. ``scratch_mb`` is the size of its ``/tmp`` (0: nothing can be written
    anywhere). ``read_only`` are folders and files it sees, at their own paths, besides the system's
    libraries; ``python_paths()`` are those a Python needs. With ``dies_with_parent`` it is killed when the
    *thread* that started it ends.
    """

    memory_mb: int = 256
    cpu_s: int | None = None
    processes: int = 1
    open_files: int = 64
    scratch_mb: int = 0
    read_only: tuple[Path, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    dies_with_parent: bool = True


@dataclass(frozen=True, slots=True)
class Isolation:
    """What this machine offers, and ``reason`` why it is not more (empty when it is all)."""

    level: Level
    reason: str = ""
    bwrap: str = ""
    allows_weak: bool = False

    @property
    def contains_programs(self) -> bool:
        """Whether arbitrary programs are held, not only interpreters that have no way out themselves."""
        return self.level == "bubblewrap"

    def require_programs(self) -> None:
        """Raises SageError ``sandbox.too_weak`` where arbitrary programs are not held and no administrator
        has allowed them all the same."""
        if not (self.contains_programs or self.allows_weak):
            raise SageError(WEAK, {"reason": self.reason})

    def facts(self) -> dict[str, str | bool]:
        """For the health page and the log."""
        return {
            "isolation": self.level,
            "reason": self.reason,
            "contains_programs": self.contains_programs,
            "allows_weak": self.allows_weak,
        }

    def wrap(self, arguments: Sequence[str], confinement: Confinement) -> list[str]:
        """The argument vector that runs ``arguments`` confined. The first of them is an absolute path."""
        inner = [_python(), "-I", "-S", str(_LAUNCHER), json.dumps(self._settings(confinement)), *arguments]
        return [*self._outer(confinement), *inner] if self.level == "bubblewrap" else inner

    def _settings(self, confinement: Confinement) -> launcher.Settings:
        seen = _visible(confinement)
        is_wrapped = self.level == "bubblewrap"
        steps_down = os.getuid() == 0 and (is_wrapped or all(map(_is_open_to_all, seen)))
        return launcher.Settings(
            limits=_limits(
                confinement, counts_processes=steps_down or (is_wrapped and _counts_by_namespace())
            ),
            becomes_nobody=steps_down,
            environ={**_ENVIRON, **confinement.environ},
            filters=True,
            one_process=confinement.processes == 1,
            network=is_wrapped,
            landlock=not is_wrapped,
            read_only=[*map(str, seen), *_DEVICES],
            dies_with_parent=confinement.dies_with_parent,
        )

    def _outer(self, confinement: Confinement) -> list[str]:
        vector = [self.bwrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
        vector += ["--unshare-cgroup-try", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"]
        if confinement.dies_with_parent:
            vector += ["--die-with-parent"]
        if os.getuid() == 0:  # to become nobody, and to see folders only we may enter
            vector += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            vector += ["--unshare-user"]
        for device in _DEVICES:
            vector += ["--dev-bind-try", device, device]
        if confinement.scratch_mb:
            vector += ["--perms", "1777", "--size", str(confinement.scratch_mb << 20), "--tmpfs", _SCRATCH]
        # After the scratch space: what is to be seen may lie in our own temporary folder.
        for path in _visible(confinement):
            for parent in reversed(path.parents[:-1]):
                vector += ["--perms", "0755", "--dir", str(parent)]  # bwrap would shut others out of root's
            vector += _shown(path)
        # What holds the mount points together is a file system as well, and would take half the memory.
        folder = _SCRATCH if confinement.scratch_mb else "/"
        return [*vector, "--remount-ro", "/", "--chdir", folder, "--"]


def _shown(path: Path) -> list[str]:
    """Options that make a path appear inside. A link to a folder appears as a link: what it points to is
    shown as well."""
    if path.is_symlink() and path.is_dir():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path.resolve()), str(path)]


def _visible(confinement: Confinement) -> list[Path]:
    """What the program sees, outer folders first and none twice."""
    wanted: Iterable[Path] = [
        *map(Path, (*_SYSTEM_FOLDERS, *_SYSTEM_FILES)),
        *launcher_paths(),
        *confinement.read_only,
    ]
    kept: list[Path] = []
    for path in sorted({path for path in wanted if path.exists()}, key=lambda path: len(path.parts)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def _python() -> str:
    return str(Path(sys.executable).resolve())


@functools.cache
def launcher_paths() -> tuple[Path, ...]:
    """What the launcher needs: the interpreter and its standard library."""
    standard = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
    libraries = (Path(sys.base_prefix).resolve() / "lib").glob("libpython*")
    return (Path(_python()), _LAUNCHER, *sorted(standard), *sorted(libraries))


@functools.cache
def python_paths() -> tuple[Path, ...]:
    """What a Python of this environment needs to import what is installed here, ``sage_studio`` included.
    Start it as ``sys.executable``."""
    package = _LAUNCHER.parent.parent.parent  # the folder the package lies in, as importing lists it
    installed = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    marker = Path(sys.prefix) / "pyvenv.cfg"
    return (*launcher_paths(), Path(sys.executable), marker, *sorted(installed), package)


def _limits(confinement: Confinement, *, counts_processes: bool) -> dict[str, int]:
    limits = {
        "RLIMIT_AS": confinement.memory_mb << 20,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": confinement.scratch_mb << 20,
        "RLIMIT_NOFILE": confinement.open_files,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    if confinement.cpu_s is not None:
        limits["RLIMIT_CPU"] = confinement.cpu_s
    if counts_processes:
        limits["RLIMIT_NPROC"] = max(confinement.processes, _THREADS)
    return limits


def _counts_by_namespace() -> bool:
    """Whether the kernel counts a user's processes by user namespace. Before Linux 5.14 the limit would
    count those of the whole machine. Root's are never counted, hence a user of its own for each program."""
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return release is not None and (int(release[1]), int(release[2])) >= (5, 14)


def _is_open_to_all(path: Path) -> bool:
    """Whether somebody without rights may read it."""
    with suppress(OSError):
        real = path.resolve()
        return bool(real.stat().st_mode & 0o004) and all(p.stat().st_mode & 0o001 for p in real.parents)
    return False


def end_group(pid: int) -> None:
    """Kill a program that was started in a session of its own, with everything in it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@functools.cache
def isolation() -> Isolation:
    """What this process uses; found out at the first call, which takes some 30 ms and blocks.

    Raises SageError ``sandbox.bad_setting``, and ``sandbox.too_weak`` where ``SAGE_SANDBOX=bubblewrap``
    asks for what is not there.
    """
    found = find_isolation(os.environ)
    logger.info("sandbox_ready isolation=%s reason=%s", found.level, found.reason or "-")
    return found


def find_isolation(environ: Mapping[str, str]) -> Isolation:
    """``isolation`` without its memory."""
    mode = environ.get(MODE_SETTING, "") or "auto"
    if mode not in {"auto", "bubblewrap", "filters"}:
        raise SageError(
            BAD_SETTING, {"name": MODE_SETTING, "value": mode, "allowed": "auto, bubblewrap, filters"}
        )
    allows_weak = environ.get(WEAK_SETTING, "").lower() in {"1", "true", "yes", "on"}
    bwrap = shutil.which("bwrap") or ""
    reason = "SAGE_SANDBOX=filters" if mode == "filters" else _why_not(bwrap)
    if not reason:
        return Isolation("bubblewrap", bwrap=bwrap, allows_weak=allows_weak)
    if mode == "bubblewrap":
        raise SageError(WEAK, {"reason": reason})
    has_filters = sys.platform == "linux" and launcher.landlock_version() > 0
    return Isolation("filters" if has_filters else "limits", reason, allows_weak=allows_weak)


def _why_not(bwrap: str) -> str:
    """Why bubblewrap cannot be used here; empty when a program ran in it."""
    if sys.platform != "linux":
        return "bubblewrap is for Linux"
    if not bwrap:
        return "bubblewrap (bwrap) is not installed"
    probe = Isolation("bubblewrap", bwrap=bwrap).wrap(
        [_python(), "-I", "-S", "-c", "import os; os._exit(0)"], Confinement(cpu_s=10)
    )
    try:
        tried = subprocess.run(  # noqa: S603 - our own argument vector
            probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    said = tried.stderr.decode(errors="replace").strip().splitlines()
    return (
        ""
        if tried.returncode == 0
        else f"bubblewrap does not work here: {said[-1] if said else tried.returncode}"
    )
