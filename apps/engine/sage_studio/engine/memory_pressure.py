"""How full this machine's (or container's) memory is."""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


def memory_pressure() -> float | None:
    """The share in use, 0 to 1, or None where nobody says (other systems than Linux)."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit != "max":
            return int((_CGROUP / "memory.current").read_text()) / int(limit)
    except (OSError, ValueError):
        pass
    try:
        lines = _MEMINFO.read_text().splitlines()[:5]
    except OSError:
        return None
    facts = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    if not facts.get("MemTotal") or "MemAvailable" not in facts:
        return None
    return 1 - facts["MemAvailable"] / facts["MemTotal"]
