"""What must be right before anything is started, each with a word on how to put it right."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

# File systems whose locks and memory maps SQLite cannot rely on (sqlite.org/wal.html, "Disadvantages").
NETWORK_FILE_SYSTEMS = {
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "afpfs", "webdav", "9p", "drvfs", "ceph",
    "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.goofys", "glusterfs", "lustre",
    "gpfs", "beegfs", "ncpfs", "virtiofs", "prl_fs", "vboxsf", "fuse.vmhgfs-fuse",
}  # fmt: skip


class StartError(Exception):
    """The product cannot start here; the message says why and what to do."""


def require_local_disk(data_dir: Path) -> None:
    """SQLite over a network loses data, so it is refused rather than tried."""
    kind = file_system_of(data_dir)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StartError(
            f"The data folder {data_dir} lies on a network file system ({kind}), where SQLite is not safe. "
            "Choose a folder on a local disk (SAGE_DATA_DIR=…), or use PostgreSQL (DATABASE_URL=…)."
        )


def file_system_of(path: Path, *, mounts: str | None = None) -> str | None:
    """The type of the file system that holds ``path``; nothing when the platform does not say.

    ``mounts`` replaces the system's own list (the format of ``/proc/self/mountinfo``).
    """
    if sys.platform == "darwin" and mounts is None:
        return _file_system_on_mac(path)
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        except OSError:
            return None
    best, kind = -1, None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(fields[4].replace("\\040", " "))
        # The longest mount point wins; of two on the same place the later one hides the earlier.
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def _file_system_on_mac(path: Path) -> str | None:
    """Reads ``/sbin/mount``: ``//host/share on /Volumes/share (smbfs, …)``."""
    shown = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False).stdout
    best, kind = -1, None
    for line in shown.splitlines():
        _, _, rest = line.partition(" on ")
        point, _, options = rest.rpartition(" (")
        if point and path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), options.split(",")[0].strip(") ")
    return kind


def require_free_port(host: str, port: int) -> None:
    """Binds and lets go, so that a port in use is a sentence and not a traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise StartError(f"SAGE_HOST={host} is not an address of this machine ({error}).") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise StartError(
                f"Port {port} on {host} cannot be used: {os.strerror(error.errno or 0).lower()}. "
                f"Stop the program that holds it, or choose another port: SAGE_PORT={port + 1} make run"
            ) from error


def hold_instance_lock(run_dir: Path) -> IO[str]:
    """One supervisor per data folder; the lock lasts as long as the returned file stays open."""
    handle = (run_dir / "up.lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        address = handle.read().strip() or "another address"
        handle.close()
        raise StartError(
            f"SAGE Studio already runs on this data folder ({run_dir.parent}): {address}. "
            "Open that, stop it first, or choose another folder with SAGE_DATA_DIR=…"
        ) from None
    return handle
