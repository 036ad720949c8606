"""Runs pods: one container each, as a process of this machine with the environment the pod asks for."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from sage_studio.engine.executors.processes import memory_mb_of
from tests.executors.cluster.objects import Object, Objects, Refused, now

_UNITS = {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024}


class Kubelet:
    """One machine with ``memory_mb`` and ``gpus``; ``images`` are those its registry has."""

    def __init__(
        self, objects: Objects, *, images: frozenset[str], memory_mb: int = 4096, gpus: int = 0
    ) -> None:
        self._objects = objects
        self._images = images
        self._room = {"memory_mb": float(memory_mb), "gpus": float(gpus)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Path] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="kubelet-"))

    def log_of(self, name: str) -> str:
        path = self._logs.get(name)
        return path.read_text(errors="replace") if path is not None and path.exists() else ""

    def kill(self, name: str) -> None:
        process = self._processes.get(name)
        if process is not None and process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    async def run(self, pod: Object) -> None:
        """The life of a pod, from its binding to its end."""
        name = pod["metadata"]["name"]
        container = pod["spec"]["containers"][0]
        pod["status"] = {"phase": "Pending", "conditions": [], "startTime": now()}
        limits = _sizes(container)
        try:
            await self._schedule(pod, limits)
            await self._pull(pod, container["image"])
            environment = await self._environment(pod, container)
            await self._execute(pod, container, environment, limits["memory_mb"])
        except asyncio.CancelledError:
            self.kill(name)
            raise
        finally:
            for kind, size in limits.items():
                self._room[kind] += size if pod["status"].get("bound") else 0
            self.kill(name)

    async def evict(self, pod: Object) -> None:
        """Take the pod away, as a machine that runs out of memory does."""
        pod["status"] |= {
            "phase": "Failed",
            "reason": "Evicted",
            "message": "The node was low on resource: memory.",
        }
        await self._objects.change(pod)
        self.kill(pod["metadata"]["name"])

    async def _schedule(self, pod: Object, sizes: dict[str, float]) -> None:
        while any(self._room[kind] < size for kind, size in sizes.items()):
            short = next(kind for kind, size in sizes.items() if self._room[kind] < size)
            await self._say(pod, conditions=[{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": f"0/1 nodes are available: 1 Insufficient {short}.",
            }])  # fmt: skip
            await asyncio.sleep(0.2)
        for kind, size in sizes.items():
            self._room[kind] -= size
        pod["status"]["bound"] = True
        await self._say(pod, conditions=[{"type": "PodScheduled", "status": "True"}])

    async def _pull(self, pod: Object, image: str) -> None:
        reasons = ["ErrImagePull", "ImagePullBackOff"]
        while image not in self._images:
            reason = reasons.pop(0) if len(reasons) > 1 else reasons[0]
            await self._wait_state(pod, reason, f'Back-off pulling image "{image}": not found')
            await asyncio.sleep(0.2)

    async def _environment(self, pod: Object, container: Object) -> dict[str, str]:
        while True:
            try:
                return {
                    variable["name"]: self._value(pod, variable) for variable in container.get("env") or []
                }
            except Refused as error:
                await self._wait_state(pod, "CreateContainerConfigError", error.message)
                await asyncio.sleep(0.1)

    def _value(self, pod: Object, variable: Object) -> str:
        if "valueFrom" not in variable:
            return str(variable.get("value") or "")
        wanted = variable["valueFrom"]["secretKeyRef"]
        secret = self._objects.get("Secret", pod["metadata"]["namespace"], wanted["name"])
        data = secret.get("data") or {}
        plain = secret.get("stringData") or {}
        key = wanted["key"]
        return str(plain[key]) if key in plain else base64.b64decode(data[key]).decode()

    async def _execute(
        self, pod: Object, container: Object, environment: dict[str, str], memory_mb: float
    ) -> None:
        name = pod["metadata"]["name"]
        # What an image would bring: the interpreter and the code. Nothing else of this process is passed on.
        image = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        command = [sys.executable if word == "python" else word for word in container["command"]]
        self._logs[name] = self._folder / name
        with self._logs[name].open("wb") as output:
            process = subprocess.Popen(  # noqa: ASYNC220 - a kubelet that starts one at a time will do
                command,
                env={**image, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                start_new_session=True,
            )
        self._processes[name] = process
        started = now()
        await self._say(pod, phase="Running", state={"running": {"startedAt": started}})
        is_over = await self._watch(process, memory_mb, pod["spec"].get("activeDeadlineSeconds") or 3600)
        if pod["status"].get("reason") == "Evicted":
            return
        code = process.returncode or 0
        exit_code = 128 - code if code < 0 else code
        terminated: dict[str, Any] = {
            "exitCode": exit_code,
            "reason": is_over or ("Completed" if exit_code == 0 else "Error"),
            "startedAt": started,
            "finishedAt": now(),
        }
        phase = "Succeeded" if exit_code == 0 else "Failed"
        await self._say(pod, phase=phase, state={"terminated": terminated})

    async def _watch(self, process: subprocess.Popen[bytes], memory_mb: float, limit_s: float) -> str:
        """Wait for the end of a process; the reason when it is brought about here."""
        reason = ""
        end = asyncio.get_running_loop().time() + limit_s
        while process.poll() is None:
            await asyncio.sleep(0.05)
            if memory_mb_of(process.pid) > memory_mb:
                reason = "OOMKilled"
            elif asyncio.get_running_loop().time() > end:
                reason = "DeadlineExceeded"
            if reason:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return reason

    async def _wait_state(self, pod: Object, reason: str, message: str) -> None:
        await self._say(pod, state={"waiting": {"reason": reason, "message": message}})

    async def _say(self, pod: Object, *, state: Object | None = None, **fields: Any) -> None:
        status = pod["status"]
        before = str(status)
        status |= fields
        if state is not None:
            container = pod["spec"]["containers"][0]
            status["containerStatuses"] = [{
                "name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0,
                "ready": "running" in state, "state": state,
            }]  # fmt: skip
        if str(status) != before:
            await self._objects.change(pod)


def _sizes(container: Object) -> dict[str, float]:
    """What the container asks for: memory in MB, and GPUs."""
    requests = (container.get("resources") or {}).get("requests") or {}
    memory = str(requests.get("memory", "0Mi"))
    return {
        "memory_mb": float(memory[:-2]) * _UNITS[memory[-2:]],
        "gpus": float(requests.get("nvidia.com/gpu", 0)),
    }
