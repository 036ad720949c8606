"""The roadmap's executors: one flow, three places, the same answer."""

from __future__ import annotations

import os
import sys

import pytest

from sage_studio.engine import compile_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.executors import K8sExecutor, LocalExecutor, RayExecutor
from sage_studio.plugins.registry import NodeRegistry
from tests.engine.nodes import flow, node
from tests.executors.cluster.api import LocalCluster
from tests.executors.nodes import NODES

FLOW = compile_flow(
    parse_plain(flow([node("a", "adder", by=2), node("w", "where_am_i")], ["a>w"])),
    NodeRegistry(NODES.values()),
)


async def test_the_local_executor_computes_in_processes() -> None:
    with LocalExecutor(workers=2) as executor:
        result = await executor.run(FLOW)
    given = result.outputs["w"]["value"]
    assert given["given"] == 2
    assert given["parent"] == os.getpid()


@pytest.mark.slow
async def test_the_kubernetes_executor_runs_the_same_flow_in_pods() -> None:
    async with (
        LocalCluster() as cluster,
        K8sExecutor(
            namespace="flows", image="sage:1", home="127.0.0.1", listen="127.0.0.1", config=cluster.config
        ) as executor,
    ):
        result = await executor.run(FLOW)
        made = [line for line in cluster.requests if line.startswith("POST") and line.endswith("/pods")]
    assert result.outputs["w"]["value"]["given"] == 2
    assert made == ["POST /api/v1/namespaces/flows/pods"] * 2


async def test_an_executor_whose_extra_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    async with RayExecutor(cluster="ray://nowhere:10001") as executor:
        result = await executor.run(FLOW)
    assert result.error is not None
    assert result.error["code"] == "executor.unavailable"
