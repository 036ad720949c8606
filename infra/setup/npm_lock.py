"""Completes ``package-lock.json`` for the platforms of other people.

npm leaves a platform's package out of the lock when the registry it asked does not carry it, and then
refuses the lock as out of step (npm/cli issue 4828). The missing entries are added here: name, exact
version, system and processor, so that the lock is whole on every machine. They carry no hash, because
nobody could fetch the package to take one.
"""

from __future__ import annotations

import json
from typing import Any

from infra.setup.frontend import FRONTEND

LOCK = FRONTEND / "package-lock.json"
SYSTEMS = ("android", "darwin", "linux", "win32", "freebsd")
PROCESSORS = ("arm64", "x64", "arm", "ia32", "ppc64", "s390x", "riscv64")


def complete() -> list[str]:
    """Adds what is missing and returns the names added."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    packages: dict[str, dict[str, Any]] = lock["packages"]
    added = {}
    for holder, entry in packages.items():
        for name, version in (entry.get("optionalDependencies") or {}).items():
            place = f"node_modules/{name}"
            if not _is_locked(packages, holder, name) and version[:1].isdigit():
                added[place] = _entry(name, version, is_dev=bool(entry.get("dev")))
    if added:
        root = {"": packages.pop("")}
        lock["packages"] = root | dict(sorted((packages | added).items()))
        LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return sorted(added)


def _is_locked(packages: dict[str, dict[str, Any]], holder: str, name: str) -> bool:
    """Looks where Node would: beside the holder, then in every folder above it."""
    while True:
        if f"{holder}/node_modules/{name}".lstrip("/") in packages:
            return True
        if not holder:
            return False
        holder = holder.rpartition("node_modules/")[0].rstrip("/")


def _entry(name: str, version: str, *, is_dev: bool) -> dict[str, Any]:
    words = name.rsplit("/", maxsplit=1)[-1].split("-")
    entry: dict[str, Any] = {"version": version}
    cpu = [word for word in words if word in PROCESSORS]
    if cpu:
        entry["cpu"] = cpu
    if is_dev:
        entry["dev"] = True
    if "musl" in words:
        entry["libc"] = ["musl"]
    entry["optional"] = True
    system = [word for word in words if word in SYSTEMS]
    if system:
        entry["os"] = system
    return entry
