"""nginx for the tests of the production layout, without installing it.

The system's is used when there is one. On Debian and Ubuntu its package is fetched and unpacked into
``.cache`` (no root, no service started). Elsewhere the tests say that they used a plain balancer.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from infra.setup.console import ROOT, SetupError, run, say, step

UNPACKED = ROOT / ".cache" / "nginx"


def find() -> Path | None:
    """The binary: nginx lives in sbin, which people's PATH often leaves out."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    fetched = UNPACKED / "usr" / "sbin" / "nginx"
    return Path(found) if found else fetched if fetched.exists() else None


def ensure() -> None:
    """Best effort: what cannot be fetched is done without."""
    if find() is not None or shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return
    with tempfile.TemporaryDirectory(prefix="sage-nginx-") as folder, step("Fetching nginx for the tests"):
        try:
            run(["apt-get", "download", "nginx"], what="Fetching nginx", cwd=Path(folder))
            for package in Path(folder).glob("nginx_*.deb"):
                run(["dpkg", "-x", package, UNPACKED], what="Unpacking nginx")
        except SetupError:
            say("    not to be had here; the tests use a plain balancer instead")
            return
    _keep_only_if_it_starts()


def _keep_only_if_it_starts() -> None:
    """Some releases split the binary into packages of its own or need libraries that are not there."""
    binary = UNPACKED / "usr" / "sbin" / "nginx"
    try:
        run([binary, "-v"], what="Starting nginx")
    except SetupError:
        shutil.rmtree(UNPACKED, ignore_errors=True)
