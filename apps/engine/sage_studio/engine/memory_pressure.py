"""How full this machine's (or container's) memory is."""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")


def memory_pressure() -> float | None:
    """The share in use, 0 to 1, or None where nobody says (other systems than Linux)."""
    pressure = container_pressure(_CGROUP)
    return machine_pressure(_MEMINFO) if pressure is None else pressure


def container_pressure(cgroup: Path) -> float | None:
    """The same for a container with a limit. What files were read is counted by the kernel against the
    limit and is given back when anybody needs it: that part is no pressure."""
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((cgroup / "memory.current").read_text())
        facts = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return (used - min(int(facts.get("inactive_file", 0)), used)) / int(limit)
    except (OSError, ValueError):
        return None


def machine_pressure(meminfo: Path) -> float | None:
    try:
        lines = meminfo.read_text().splitlines()[:5]
    except OSError:
        return None
    facts = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    if not facts.get("MemTotal") or "MemAvailable" not in facts:
        return None
    return 1 - facts["MemAvailable"] / facts["MemTotal"]
