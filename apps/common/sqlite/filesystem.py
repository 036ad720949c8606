"""Which file systems SQLite may live on: locks and shared memory do not work over a network."""

from __future__ import annotations

from pathlib import Path

_KERNEL = (
    "9p afpfs afs beegfs ceph cifs glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs smb2 smb3 smbfs webdav"
)
_FUSE = "davfs gcsfuse glusterfs rclone s3fs sshfs"
_NETWORK = frozenset(_KERNEL.split()) | {f"fuse.{name}" for name in _FUSE.split()}
_MOUNTS = Path("/proc/self/mountinfo")


def _unescape(text: str) -> str:
    """Mount points write spaces and the like as octal escapes."""
    return text.encode().decode("unicode_escape") if "\\" in text else text


def filesystem_of(path: Path, mounts: str) -> str:
    """The type of the file system ``path`` is on, from the text of mountinfo (proc(5)); "" when unknown."""
    best, found = -1, ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split()
        if len(fields) < 5 or not tail:
            continue
        point = Path(_unescape(fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), tail.split()[0]
    return found


def network_filesystem(path: Path) -> str | None:
    """The type of the network file system ``path`` is on, or None. Knows Linux; elsewhere says None."""
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    kind = filesystem_of(path.resolve(), mounts)
    return kind if kind in _NETWORK else None
