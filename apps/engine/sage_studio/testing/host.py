"""The host of tests: all but the network works, every use is noted, and secrets give themselves away."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sage_studio.egress import EgressPolicy
from sage_studio.kernel import define_error
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.models.client import Models
from sage_studio.sdk import CredentialKind, NodeError

# Too short to be blotted by the engine (see ``engine.masks``), so that a leak stays visible, and unlike
# anything a node would write of its own accord.
CANARY = "ſ§Ωж¤"

NO_NETWORK = define_error(
    "testing.no_network",
    3851,
    en="There is no network in this test; the node asked for {url}.",
    zh="此测试中没有网络；节点请求了 {url}。",
    status=502,
)
_CHANGING = frozenset({"write", "notify", "upsert", "set"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class _Noted:
    """A store of the host whose changing methods are noted before they are called."""

    def __init__(self, inner: Any, name: str, uses: list[str]) -> None:
        self._inner = inner
        self._name = name
        self._uses = uses

    def __getattr__(self, method: str) -> Any:
        if method in _CHANGING:
            self._uses.append(f"{self._name}.{method}")
        return getattr(self._inner, method)


class _NoHttp:
    """Refuses every way to another machine, or never answers (``hangs``); ``asked`` is set by who tries."""

    def __init__(self, uses: list[str], *, hangs: bool) -> None:
        self._uses = uses
        self._hangs = hangs
        self.asked = asyncio.Event()

    async def request(self, method: str, url: str, **_options: Any) -> Any:
        self._uses.append("http.read" if method.upper() in _READS else f"http.{method.lower()}")
        await self._end(url)

    async def connect(self, host: str, port: int, **_options: Any) -> Any:
        await self._end(f"{host}:{port}")

    async def address(self, host: str, port: int, **_options: Any) -> Any:
        await self._end(f"{host}:{port}")

    def stream(self, method: str, url: str, **_options: Any) -> Any:
        self._uses.append("http.read" if method.upper() in _READS else f"http.{method.lower()}")
        return _Never(self, url)

    def proxy(self, **_options: Any) -> Any:
        return _Never(self, "a service")

    def transport(self, **_options: Any) -> Any:
        self.asked.set()
        raise NodeError(NO_NETWORK, {"url": "a service"})

    async def _end(self, url: str) -> None:
        self.asked.set()
        if self._hangs:
            await asyncio.Event().wait()
        raise NodeError(NO_NETWORK, {"url": url[:200]})

    end = _end


class _Never:
    def __init__(self, http: _NoHttp, url: str) -> None:
        self._http = http
        self._url = url

    async def __aenter__(self) -> Any:
        await self._http.end(self._url)

    async def __aexit__(self, *_: object) -> None:
        return None


class BenchHost(LocalHost):
    """A host over a folder of its own.

    Without ``network`` nothing leaves the machine and every credential exists: its name is that of its
    kind, and its secret fields are ``CANARY``. With it, addresses are reached as on the command line, where
    ``environ`` says which private networks and credentials there are.
    """

    def __init__(
        self,
        folder: Path,
        *,
        network: bool = False,
        hangs: bool = False,
        environ: Mapping[str, str] | None = None,
        kinds: tuple[CredentialKind, ...] = (),
    ) -> None:
        known = {**BUILTIN_KINDS, **{kind.id: kind for kind in kinds}}
        given = {**(environ or {})} if network else _canaries(known)
        self.printed = io.StringIO()
        super().__init__(folder=folder, environ=given, out=self.printed)
        self.uses: list[str] = []
        self.reached = asyncio.Event()
        self.files = _Noted(self.files, "files", self.uses)  # type: ignore[assignment]
        self.vectors = _Noted(self.vectors, "vectors", self.uses)  # type: ignore[assignment]
        self.notifier = _Noted(self.notifier, "notifier", self.uses)  # type: ignore[assignment]
        if not network:
            http = _NoHttp(self.uses, hangs=hangs)
            self.reached = http.asked
            self.http = http  # type: ignore[assignment]
            self.llm = Models(api_key="", policy=EgressPolicy(), credentials=_no_model)

    def state(self, flow_id: str) -> Any:
        return _Noted(super().state(flow_id), "state", self.uses)


async def _no_model(name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
    raise NodeError(NO_NETWORK, {"url": "a model"})


def _canaries(kinds: Mapping[str, CredentialKind]) -> dict[str, str]:
    """A credential of every kind, as the environment says it."""
    made = {}
    for kind in kinds.values():
        fields = {field.name: CANARY if field.secret else _harmless(field.name) for field in kind.fields}
        made[f"SAGE_CREDENTIAL_{kind.id.upper()}"] = json.dumps({"kind": kind.id, **fields})
    return made


def _harmless(name: str) -> str:
    return {"port": "9", "host": "127.0.0.1", "endpoint": "http://127.0.0.1:9", "base_url": ""}.get(name, "x")
