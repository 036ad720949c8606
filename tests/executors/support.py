"""A context of a run that is not there: what executors need of one, kept for tests to look at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.context import RunContext
from sage_studio.engine.executors import NodeCall, origin_of
from sage_studio.engine.host import Host
from sage_studio.engine.masks import Masks
from sage_studio.engine.plan import PlanNode
from sage_studio.engine.scope import Scope
from sage_studio.kernel import Clock, JsonObject, SystemClock
from sage_studio.plugins.local_host import LocalHost
from sage_studio.sdk import Context, Needs, Node
from tests.executors.nodes import NODES

SECRET = "s3cret-value"


class Voice:
    """The run's side of a context, run and level in one: a local host, and a list of what was said."""

    path = ""

    def __init__(self, folder: Path) -> None:
        self.run = self
        self.run_id, self.flow_id = "run-1", "flow-1"
        self.local_host = LocalHost(folder=folder, environ={"SAGE_CREDENTIAL_KEY": SECRET})
        self.host: Host = self.local_host
        self.masks = Masks(self.host.secrets_seen)
        self.clock: Clock = SystemClock()
        self.threads = ThreadPoolExecutor(1)
        self.is_stopping = False
        self.said: list[tuple[str, JsonObject]] = []
        self.heard = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.local_host.close()
        self.threads.shutdown()

    def say(self, type_: str, node_id: str, attempt: int, data: JsonObject) -> None:
        self.said.append((type_, data))
        self.heard.set()

    def lines(self) -> list[str]:
        return [str(data["message"]) for type_, data in self.said if type_ == "log"]

    def context(self, call: NodeCall) -> Context:
        node = cast(PlanNode, SimpleNamespace(id=call.node_id, body=None))
        attempt = Attempt(cast(Scope, self), node, call.attempt, 0.0, call.inputs, None)
        return cast(Context, RunContext(attempt, call.config, 4_000_000_000.0))


def call(type_: str, value: Any = None, *, needs: Needs | None = None, **config: Any) -> NodeCall:
    cls: type[Node] = NODES[type_]
    defaults: Mapping[str, Any] = {field.name: field.default for field in cls.spec.config}
    return NodeCall(
        type=type_,
        version=cls.spec.version,
        origin=origin_of(cls) or "",
        config={**defaults, **config},
        inputs={} if value is None else {"value": value},
        run_id="run-1",
        flow_id="flow-1",
        node_id="n1",
        idempotency_key="run-1:n1:",
        needs=needs or Needs(),
    )
