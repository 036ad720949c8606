"""Takes everything away from a process, then becomes the program: the inner half of ``isolation``.

Started as a script (``python -I -S launcher.py SETTINGS PROGRAM ARGUMENT …``), so it imports nothing but
the standard library. SETTINGS is the JSON of ``Settings``. It is the last trusted code before the program,
inside bubblewrap's namespaces or, where there are none, alone: then Landlock (files) and a seccomp filter
(network, other processes) stand in for them as far as the kernel has them. What cannot be set up ends
the launcher with exit code 97 and a line on standard error; the program never starts half confined.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from pathlib import Path
from typing import Any, TypedDict

REFUSED = 97


class Settings(TypedDict):
    """``limits`` maps names of ``resource.RLIMIT_*`` to a value. Root that ``becomes_nobody`` takes a user of
    its own, so that the kernel counts its processes apart from all others."""

    limits: dict[str, int]
    becomes_nobody: bool
    environ: dict[str, str]
    filters: bool
    one_process: bool
    network: bool
    landlock: bool
    read_only: list[str]
    dies_with_parent: bool


_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38
_SIGKILL = 9
_LAST_CAPABILITY, _CAPABILITIES_V3 = 63, 0x20080522
_NOBODY, _NOBODY_FROM = 65534, 0x40000000

# Numbers of system calls differ by machine; the lists below name them.
_NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "socket": 41, "connect": 42, "bind": 49, "listen": 50, "clone": 56, "fork": 57, "vfork": 58,
        "kill": 62, "ptrace": 101, "pivot_root": 155, "chroot": 161, "acct": 163, "mount": 165,
        "umount2": 166,
        "swapon": 167, "swapoff": 168, "reboot": 169, "init_module": 175, "delete_module": 176, "tkill": 200,
        "sched_setaffinity": 203, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
        "unshare": 272, "perf_event_open": 298, "prlimit64": 302, "open_by_handle_at": 304, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "tgkill": 234,
        "bpf": 321, "userfaultfd": 323, "setpriority": 141, "sched_setscheduler": 144,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "bind": 200, "listen": 201, "clone": 220, "kill": 129, "ptrace": 117,
        "pivot_root": 41, "chroot": 51, "acct": 89, "mount": 40, "umount2": 39, "swapon": 224, "swapoff": 225,
        "reboot": 142, "init_module": 105, "delete_module": 106, "tkill": 130, "sched_setaffinity": 122,
        "kexec_load": 104, "add_key": 217, "request_key": 218, "keyctl": 219, "unshare": 97,
        "perf_event_open": 241, "prlimit64": 261, "open_by_handle_at": 265, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "tgkill": 131,
        "bpf": 280, "userfaultfd": 282, "setpriority": 140, "sched_setscheduler": 119,
    },
}  # fmt: skip
# From 424 on the numbers are the same everywhere.
_COMMON = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
}  # fmt: skip
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_NETWORK = ("socket", "connect", "bind", "listen")
_NEVER = (
    "ptrace", "pivot_root", "chroot", "acct", "mount", "umount2", "swapon", "swapoff", "reboot",
    "init_module", "delete_module", "finit_module", "kexec_load", "add_key", "request_key", "keyctl",
    "unshare", "setns", "perf_event_open", "open_by_handle_at", "process_vm_readv", "process_vm_writev",
    "kcmp", "bpf", "userfaultfd", "pidfd_send_signal", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    "pidfd_open", "pidfd_getfd", "process_madvise", "mount_setattr",
)  # fmt: skip
# Their first argument names a process: nobody but the program itself.
_OWN_ONLY = ("kill", "tkill", "tgkill", "prlimit64", "sched_setaffinity", "sched_setscheduler")
_EPERM, _ENOSYS = 1, 38
_CLONE_THREAD, _CLONE_NEW = 0x10000, 0x7E020000
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCH, _AT_FIRST = 0, 4, 16


class _Refused(Exception):
    """What could not be set up."""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int = 0, pointer: object = 0) -> None:
    ulong = ctypes.c_ulong
    last = pointer if isinstance(pointer, ctypes.c_void_p) else ulong(0)
    if _libc().prctl(option, ulong(value), last, ulong(0), ulong(0)) != 0:
        raise _Refused(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def filter_program(machine: str, pid: int, *, one_process: bool, network: bool) -> bytes:
    """The seccomp filter, as the kernel's classic BPF: a call that matches a block below is refused, every
    other is allowed. Each block loads what it looks at anew, so blocks can be read one by one."""
    numbers = _NUMBERS[machine] | _COMMON
    refuse = _op(_RETURN, _ERRNO | _EPERM)
    program = [_op(_LOAD, _AT_ARCH), _op(_EQUAL, _AUDIT_ARCH[machine], 1, 0), _op(_RETURN, _KILL)]
    program += [_op(_LOAD, _AT_NUMBER)]
    if machine == "x86_64":
        program += [_op(_AT_LEAST, _X32, 0, 1), _op(_RETURN, _KILL)]
    banned = _NEVER + (() if network else _NETWORK) + (("fork", "vfork") if one_process else ())
    for name in banned:
        if name in numbers:
            program += [_op(_EQUAL, numbers[name], 0, 1), refuse]
    # glibc tries clone3 first, whose flags lie in memory that a filter cannot see; without it, clone.
    program += [_op(_EQUAL, numbers["clone3"], 0, 1), _op(_RETURN, _ERRNO | _ENOSYS)]
    program += [_op(_EQUAL, numbers["clone"], 0, 5 if one_process else 3), _op(_LOAD, _AT_FIRST)]
    program += [_op(_ANY_BIT, _CLONE_NEW, 0, 1), refuse]
    if one_process:
        program += [_op(_ANY_BIT, _CLONE_THREAD, 1, 0), refuse]
    program += [_op(_LOAD, _AT_NUMBER)]
    for name in _OWN_ONLY:
        program += [_op(_EQUAL, numbers[name], 0, 5), _op(_LOAD, _AT_FIRST), _op(_EQUAL, pid, 2, 0)]
        program += [_op(_EQUAL, 0, 1, 0), refuse, _op(_LOAD, _AT_NUMBER)]
    return b"".join([*program, _op(_RETURN, _ALLOW)])


def _filter(settings: Settings) -> None:
    machine = platform.machine()
    if machine not in _NUMBERS:
        return
    program = filter_program(
        machine, os.getpid(), one_process=settings["one_process"], network=settings["network"]
    )
    held = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.cast(ctypes.create_string_buffer(head, len(head)), ctypes.c_void_p))


_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_EXECUTE, _READ_FILE, _READ_FOLDER = 1, 4, 8
_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
"""What each version of Landlock can rule over; a right that is not named stays as it was."""


def landlock_version() -> int:
    """0 where the kernel has none."""
    version: int = _libc().syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    return max(0, version)


def _landlock(read_only: list[str]) -> None:
    version = landlock_version()
    if not version:
        return
    libc = _libc()
    rights = struct.pack("QQ", _RIGHTS.get(version, 0xFFFF), 3 if version >= 4 else 0)
    size = 16 if version >= 4 else 8
    rules = libc.syscall(_LANDLOCK_CREATE, rights[:size], ctypes.c_size_t(size), 0)
    if rules < 0:
        raise _Refused(f"landlock: {os.strerror(ctypes.get_errno())}")
    for path in read_only:
        if not Path(path).exists():
            continue
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = _EXECUTE | _READ_FILE | (_READ_FOLDER if Path(path).is_dir() else 0)
        if libc.syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", allowed, place), 0) != 0:
            raise _Refused(f"landlock {path}: {os.strerror(ctypes.get_errno())}")
        os.close(place)
    if libc.syscall(_LANDLOCK_RESTRICT, rules, 0) != 0:
        raise _Refused(f"landlock: {os.strerror(ctypes.get_errno())}")


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        which = getattr(resource, name, None)
        if which is None:
            continue
        hard = resource.getrlimit(which)[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (wanted, wanted))
        except ValueError:  # macOS refuses some of them
            if sys.platform == "linux":
                raise


def _become_less(*, becomes_nobody: bool) -> None:
    """Give up root: as somebody without rights, or at least without capabilities."""
    if os.getuid() != 0:
        return
    if becomes_nobody:
        os.setgroups([])
        uid = _NOBODY_FROM + int.from_bytes(os.urandom(3), "big")
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        except OSError:  # a container that maps few ids still maps nobody
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        return
    for capability in range(_LAST_CAPABILITY + 1):
        _libc().prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), *[ctypes.c_ulong(0)] * 3)
    head, nothing = struct.pack("Ii", _CAPABILITIES_V3, 0), bytes(24)
    if _libc().capset(head, nothing) != 0:
        raise _Refused(f"capset: {os.strerror(ctypes.get_errno())}")


def confine(settings: Settings) -> None:
    """Raises what could not be set up."""
    _limit(settings["limits"])
    if sys.platform != "linux":
        return
    _become_less(becomes_nobody=settings["becomes_nobody"])
    if settings["dies_with_parent"]:
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if settings["landlock"]:
        _landlock(settings["read_only"])
    if settings["filters"]:
        _filter(settings)


def main(arguments: list[str]) -> None:
    settings: Any = json.loads(arguments[0])
    program = arguments[1:]
    try:
        confine(settings)
        os.execve(program[0], program, settings["environ"])  # noqa: S606 - this is what it is for
    except (_Refused, OSError, ValueError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        sys.stderr.flush()
        os._exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
