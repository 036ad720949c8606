"""The proxy of the native layout: nginx with the production configuration, else a plain balancer."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from infra.setup import nginx
from infra.setup.console import ROOT
from studio_project.supervisor.children import Program

SITE = ROOT / "infra" / "proxy" / "site.conf.template"
# What stands around the site in a container comes from the image; natively it is this.
MAIN = Template("""\
daemon off;
${user}
pid ${folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
events { worker_connections 4096; }
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    include ${folder}/site.conf;
}
""")


@dataclass(frozen=True, slots=True)
class Front:
    """The chosen proxy: what it is, and how to start it."""

    kind: str
    program: Program


def choose(folder: Path, *, port: int, upstreams: Sequence[int]) -> Front:
    binary = nginx.find()
    if binary is not None:
        configuration = write_configuration(folder, port=port, upstreams=upstreams)
        command = [str(binary), "-p", str(folder), "-c", str(configuration)]
        return Front("nginx", Program(name="proxy", command=command, env=dict(os.environ), stop_grace_s=5))
    command = [sys.executable, "-m", "infra.native.balancer", str(port), *map(str, upstreams)]
    program = Program(
        name="proxy", command=command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stop_grace_s=5
    )
    return Front("a plain balancer, as nginx is not installed", program)


def write_configuration(folder: Path, *, port: int, upstreams: Sequence[int], tls: str = "") -> Path:
    """Fills in the site the containers use, and puts a main file for this machine around it."""
    folder.mkdir(parents=True, exist_ok=True)
    servers = " ".join(f"server 127.0.0.1:{upstream} max_fails=0;" for upstream in upstreams)
    site = fill_in(
        SITE.read_text(encoding="utf-8"),
        STUDIO_UPSTREAM=servers,
        STUDIO_LISTEN=f"127.0.0.1:{port}" + (" ssl" if tls else ""),
        STUDIO_SERVER_NAME="_",
        STUDIO_SCHEME="$scheme",
        STUDIO_TLS=tls,
    )
    (folder / "site.conf").write_text(site, encoding="utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(MAIN.substitute(folder=folder, user=user), encoding="utf-8")
    return main


def fill_in(template: str, **values: str) -> str:
    """What envsubst does in the container: only the braces it is told of, nginx's own names stay."""
    for name, value in values.items():
        template = template.replace("${" + name + "}", value)
    return template
