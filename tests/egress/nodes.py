"""A node that uses all of ``ctx.http``; importable from other processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import httpx2

from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, text


class Fetch(Node):
    """A request, a stream, an address, a library on httpx2, and its own proxy."""

    spec: ClassVar = NodeSpec(
        id="fetch",
        name=text("Fetch", "获取"),
        description=text("For tests", "测试用"),
        category="source",
        icon="list",
        cpu_bound=True,
        outputs=(Port(name="value", label=text("v", "v")),),
        config=(Field(name="url", label=text("u", "u")),),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        url = ctx.config["url"]
        whole = await ctx.http.request("GET", f"{url}/a")
        async with ctx.http.stream("GET", f"{url}/b", credential="key") as answer:
            pieces = [piece async for piece in answer.chunks()]
        async with ctx.http.stream("GET", f"{url}/b") as left:
            status = left.status
        async with httpx2.AsyncClient(transport=ctx.http.transport(credential="key")) as library:
            listed = (await library.get(f"{url}/c")).json()
        address = await ctx.http.address("localhost", 80)
        async with ctx.http.proxy() as proxy:
            has_proxy = proxy.startswith("http://sage:")
        return {
            "value": [whole.text(), b"".join(pieces).decode(), status, listed, address, has_proxy],
        }


class FetchInThread(Node):
    """The same of ``ctx.http`` that a blocking node may use."""

    spec: ClassVar = Fetch.spec.model_copy(
        update={"id": "fetch_in_thread", "cpu_bound": False, "blocking": True}
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        url = ctx.config["url"]
        async with ctx.http.stream("GET", f"{url}/b", credential="key") as answer:
            read = await answer.read()
        async with ctx.http.proxy() as proxy:
            has_proxy = proxy.startswith("http://sage:")
        return {"value": [read.decode(), await ctx.http.address("localhost", 80), has_proxy]}
