"""The whole product, started with ``up`` for a measurement, and its first owner signed in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from infra.native.layout import free_ports
from infra.setup.console import ROOT

UP = "import sys; from studio_project.supervisor import up_command; sys.exit(up_command(sys.argv[1:]))"
PASSWORD = "correct horse battery staple"
READY_WITHIN_S = 60.0
STANDBY = "--standby"


@dataclass(slots=True)
class Product:
    """A running ``sage-studio up`` on a data folder of its own."""

    address: str
    process: subprocess.Popen[str]
    output: Path
    first_answer_s: float

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything under it."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def cpu_s(self, role: str = "") -> float:
        """Processor seconds used so far by all processes, or by those whose command names ``role``; without
        the process that only stands by, which loads itself while others are measured."""
        return sum(
            sum(process.cpu_times()[:2])
            for process in self.processes()
            if STANDBY not in (command := process.cmdline())
            if not role or any(role in part for part in command)
        )

    def wait_settled(self) -> None:
        """Return when the process that stands by has loaded, some ten seconds after the start."""
        deadline = time.monotonic() + READY_WITHIN_S
        used_s = [0.0, -1.0]
        while used_s[-1] <= 0 or used_s[-1] != used_s[-2]:
            if time.monotonic() > deadline:
                raise RuntimeError("no process stands by")
            time.sleep(0.5)
            waiting = [each for each in self.processes() if STANDBY in each.cmdline()]
            used_s.append(sum(sum(each.cpu_times()[:2]) for each in waiting))

    def memory_mb(self) -> float:
        """What would be free without it: proportional set size where the system tells, else resident."""
        total = 0
        for process in self.processes():
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
        return total / 2**20

    def wait_said(self, text: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while text not in self.output.read_text(encoding="utf-8"):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the product does not start:\n{self.output.read_text(encoding='utf-8')}")
            time.sleep(0.02)


@dataclass(slots=True)
class Owner:
    """The first owner, with the cookies and headers of their browser."""

    cookies: dict[str, str]
    headers: dict[str, str]
    workspace_id: str

    def url(self, path: str) -> str:
        return f"/api/v1/workspaces/{self.workspace_id}{path}"

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


@contextmanager
def running_product(data_dir: Path | None = None) -> Iterator[Product]:
    """Starts the product and takes the time to its first answer; stops it afterwards."""
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
        port = free_ports(1)[0]
        output = Path(folder) / "said.txt"
        environ = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        environ["SAGE_DATA_DIR"] = str(data_dir or Path(folder) / "data")
        started = time.perf_counter()
        with output.open("w") as sink:
            process = subprocess.Popen(
                [sys.executable, "-c", UP, "--port", str(port)],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                text=True,
            )
        product = Product(f"http://127.0.0.1:{port}", process, output, 0.0)
        try:
            _wait_first_answer(product)
            product.first_answer_s = time.perf_counter() - started
            product.wait_said("Press Ctrl-C to stop")
            yield product
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _wait_first_answer(product: Product) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and product.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{product.address}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError(f"the product does not answer:\n{product.output.read_text(encoding='utf-8')}")


def sign_up(product: Product) -> Owner:
    """Creates the first owner with the printed code and gives what their browser holds."""
    code = re.search(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){2}\b", product.output.read_text(encoding="utf-8"))
    with httpx.Client(base_url=product.address, headers={"Origin": product.address}) as browser:
        browser.get("/api/v1/session")
        answer = browser.post(
            "/_allauth/browser/v1/auth/signup",
            json={
                "email": "owner@example.org",
                "password": PASSWORD,
                "name": "Owner",
                "owner_code": code[0] if code else "",
            },
            headers={"X-CSRFToken": browser.cookies["csrftoken"]},
        )
        if answer.status_code != 200:
            raise RuntimeError(f"sign-up was refused: {answer.text}")
        browser.get("/api/v1/session")
        workspaces = browser.get("/api/v1/workspaces").json()["items"]
        cookies = dict(browser.cookies)
    return Owner(
        cookies=cookies,
        headers={"Origin": product.address, "X-CSRFToken": cookies["csrftoken"]},
        workspace_id=workspaces[0]["id"],
    )


def make_flow(product: Product, owner: Owner, name: str, definition: dict[str, Any]) -> str:
    """Creates a flow over HTTP and gives its id."""
    with httpx.Client(base_url=product.address, headers=owner.headers, cookies=owner.cookies) as browser:
        answer = browser.post(owner.url("/flows"), json={"name": name, "definition": definition})
        if answer.status_code >= 300:
            raise RuntimeError(f"the flow was refused: {answer.text}")
        return str(answer.json()["id"])
